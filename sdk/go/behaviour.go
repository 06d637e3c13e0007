package sessions

import (
	"cmp"
	"context"

	"google.golang.org/protobuf/proto"
)

// Funnel counts how many sessions, or visitors, reach the steps of the request one after the other. The
// request may be nil; its website does not count.
func (c *Client) Funnel(
	ctx context.Context, websiteID string, query *FunnelRequest,
) (*FunnelResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &FunnelRequest{}))
	request.WebsiteId = websiteID
	return call[FunnelResponse](ctx, c, AnalysisService_Funnel_FullMethodName, request)
}

// Flows follows what sessions did next, as a tree. The
// request may be nil; its website does not count.
func (c *Client) Flows(
	ctx context.Context, websiteID string, query *FlowsRequest,
) (*FlowsResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &FlowsRequest{}))
	request.WebsiteId = websiteID
	return call[FlowsResponse](ctx, c, AnalysisService_Flows_FullMethodName, request)
}

// Transitions counts from which pages the views of a page come, and to which they go on. The
// request may be nil; its website does not count.
func (c *Client) Transitions(
	ctx context.Context, websiteID string, query *TransitionsRequest,
) (*TransitionsResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &TransitionsRequest{}))
	request.WebsiteId = websiteID
	return call[TransitionsResponse](ctx, c, AnalysisService_Transitions_FullMethodName, request)
}

// Cohorts counts in which periods visitors returned, by when they first came. The
// request may be nil; its website does not count.
func (c *Client) Cohorts(
	ctx context.Context, websiteID string, query *CohortsRequest,
) (*CohortsResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &CohortsRequest{}))
	request.WebsiteId = websiteID
	return call[CohortsResponse](ctx, c, AnalysisService_Cohorts_FullMethodName, request)
}

// Patterns finds pages and events that many sessions have directly one after the other. The
// request may be nil; its website does not count.
func (c *Client) Patterns(
	ctx context.Context, websiteID string, query *PatternsRequest,
) (*PatternsResponse, error) {
	request := proto.CloneOf(cmp.Or(query, &PatternsRequest{}))
	request.WebsiteId = websiteID
	return call[PatternsResponse](ctx, c, AnalysisService_Patterns_FullMethodName, request)
}
