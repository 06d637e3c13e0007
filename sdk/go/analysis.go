package sessions

import (
	"cmp"
	"context"
	"errors"

	"google.golang.org/protobuf/proto"
)

// Summarize summarizes the sessions of a website. The request may be nil; its website does not
// count. As everywhere in Go, an empty slice is no filter.
func (c *Client) Summarize(
	ctx context.Context, websiteID string, query *SummarizeRequest,
) (*SummarizeResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &SummarizeRequest{}))
	request.WebsiteId = websiteID
	return call[SummarizeResponse](ctx, c, AnalysisService_Summarize_FullMethodName, request)
}

// TimeSeries summarizes the sessions of a website for each hour, day, week or month; as Summarize.
func (c *Client) TimeSeries(
	ctx context.Context, websiteID string, query *TimeSeriesRequest,
) (*TimeSeriesResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &TimeSeriesRequest{}))
	request.WebsiteId = websiteID
	return call[TimeSeriesResponse](ctx, c, AnalysisService_TimeSeries_FullMethodName, request)
}

// Breakdown summarizes the sessions of a website by the values of one or two dimensions; as
// Summarize.
func (c *Client) Breakdown(
	ctx context.Context, websiteID string, query *BreakdownRequest,
) (*BreakdownResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &BreakdownRequest{}))
	request.WebsiteId = websiteID
	return call[BreakdownResponse](ctx, c, AnalysisService_Breakdown_FullMethodName, request)
}

// Row is one of a breakdown, or a bucket of a time series.
type Row interface{ GetFilter() string }

// SessionsOf lists the sessions of a row of an analysis, newest first. The query is the request
// that the analysis was made with.
func (c *Client) SessionsOf(
	ctx context.Context, websiteID string, row Row, query proto.Message,
) Walk[*Session] {
	if row.GetFilter() == "" {
		return Walk[*Session]{"", func(string) (Page[*Session], error) {
			return Page[*Session]{}, errors.New("sessions: the row carries no filter, so its sessions cannot be listed")
		}}
	}
	filter := &ListSessionsRequest{}
	given, asked := query.ProtoReflect(), filter.ProtoReflect()
	fields := asked.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		same := given.Descriptor().Fields().ByName(field.Name())
		if same != nil && given.Has(same) && field.Name() != "limit" {
			asked.Set(field, given.Get(same))
		}
	}
	filter = proto.CloneOf(filter) // lists are those of the query
	filter.Filter = row.GetFilter()
	return c.Sessions(ctx, websiteID, filter)
}
