package sessions

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Summarize summarizes the sessions of a website. The request may be nil; its website does not
// count. As everywhere in Go, an empty slice is no filter.
func (c *Client) Summarize(
	ctx context.Context, websiteID string, query *SummarizeRequest,
) (*SummarizeResponse, error) {
	return call[SummarizeResponse](ctx, c, AnalysisService_Summarize_FullMethodName, ofWebsite(query, websiteID))
}

// TimeSeries summarizes the sessions of a website for each hour, day, week or month; as Summarize.
func (c *Client) TimeSeries(
	ctx context.Context, websiteID string, query *TimeSeriesRequest,
) (*TimeSeriesResponse, error) {
	return call[TimeSeriesResponse](ctx, c, AnalysisService_TimeSeries_FullMethodName, ofWebsite(query, websiteID))
}

// Breakdown summarizes the sessions of a website by the values of one or two dimensions; as
// Summarize.
func (c *Client) Breakdown(
	ctx context.Context, websiteID string, query *BreakdownRequest,
) (*BreakdownResponse, error) {
	return call[BreakdownResponse](ctx, c, AnalysisService_Breakdown_FullMethodName, ofWebsite(query, websiteID))
}

// SessionsOf lists the sessions of a row of an analysis, newest first. The row is what has a filter or
// a cell: a row of a breakdown, a bucket of a time series, the ReachedSessions of a step, a node, and
// so on. The query is the request that the analysis was made with.
func (c *Client) SessionsOf(
	ctx context.Context, websiteID string, row, query proto.Message,
) Walk[*Session] {
	filter := &ListSessionsRequest{}
	copyFields(filter, query, func(name protoreflect.Name) bool { return name != "limit" })
	leads := copyFields(filter, row, func(name protoreflect.Name) bool {
		return slices.Contains([]protoreflect.Name{"filter", "journey", "not_journey", "cell"}, name)
	})
	if !leads {
		return Walk[*Session]{"", func(string) (Page[*Session], error) {
			return Page[*Session]{}, errors.New("sessions: the row carries no filter and no cell, so its sessions cannot be listed")
		}}
	}
	return c.Sessions(ctx, websiteID, proto.CloneOf(filter)) // a copy: its lists are shared with the query and the row
}

// copyFields sets the fields of a message that another one has set under the same name, and tells
// whether there were any.
func copyFields(to *ListSessionsRequest, from proto.Message, wanted func(protoreflect.Name) bool) bool {
	given, copied := from.ProtoReflect(), false
	fields := to.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		same := given.Descriptor().Fields().ByName(field.Name())
		if same != nil && given.Has(same) && wanted(field.Name()) {
			to.ProtoReflect().Set(field, given.Get(same))
			copied = true
		}
	}
	return copied
}
