package sessions

import (
	"cmp"
	"context"

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
