package sessions

import "context"

// Funnel counts how many sessions, or visitors, reach the steps of the request one after the other.
// The request may be nil; its website does not count.
func (c *Client) Funnel(
	ctx context.Context, websiteID string, query *FunnelRequest,
) (*FunnelResponse, error) {
	return call[FunnelResponse](ctx, c, AnalysisService_Funnel_FullMethodName, ofWebsite(query, websiteID))
}

// Flows follows what sessions did next, as a tree. The request may be nil; its website does not
// count.
func (c *Client) Flows(
	ctx context.Context, websiteID string, query *FlowsRequest,
) (*FlowsResponse, error) {
	return call[FlowsResponse](ctx, c, AnalysisService_Flows_FullMethodName, ofWebsite(query, websiteID))
}

// Transitions counts from which pages the views of a page come, and to which they go on. The
// request may be nil; its website does not count.
func (c *Client) Transitions(
	ctx context.Context, websiteID string, query *TransitionsRequest,
) (*TransitionsResponse, error) {
	return call[TransitionsResponse](ctx, c, AnalysisService_Transitions_FullMethodName, ofWebsite(query, websiteID))
}

// Cohorts counts in which periods visitors returned, by when they first came. The request may be
// nil; its website does not count.
func (c *Client) Cohorts(
	ctx context.Context, websiteID string, query *CohortsRequest,
) (*CohortsResponse, error) {
	return call[CohortsResponse](ctx, c, AnalysisService_Cohorts_FullMethodName, ofWebsite(query, websiteID))
}

// Patterns finds pages and events that many sessions have directly one after the other. The request
// may be nil; its website does not count.
func (c *Client) Patterns(
	ctx context.Context, websiteID string, query *PatternsRequest,
) (*PatternsResponse, error) {
	return call[PatternsResponse](ctx, c, AnalysisService_Patterns_FullMethodName, ofWebsite(query, websiteID))
}
