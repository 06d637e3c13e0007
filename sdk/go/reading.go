package sessions

import (
	"context"
	"iter"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"
)

// Sessions iterates over the sessions of a website, newest first, and asks for a page of 100 when
// it gets there. The filter may be nil; its website and limit do not count. An error is the last
// thing that comes, and stands alone.
func (c *Client) Sessions(ctx context.Context, websiteID string, filter *ListSessionsRequest) iter.Seq2[*Session, error] {
	return func(yield func(*Session, error) bool) {
		request := &ListSessionsRequest{}
		proto.Merge(request, filter)
		request.WebsiteId, request.Limit = websiteID, 100
		for more := true; more; more = request.Cursor != "" {
			page, err := call(ctx, c, c.reads.ListSessions, request, codes.Unavailable)
			if !each(page.GetSessions(), err, yield) {
				return
			}
			request.Cursor = page.GetNextCursor().GetStringValue()
		}
	}
}

// Events iterates over the events of a session, oldest first, page by page, as Sessions does.
func (c *Client) Events(ctx context.Context, websiteID, sessionID string) iter.Seq2[*SessionEvent, error] {
	return func(yield func(*SessionEvent, error) bool) {
		request := &GetSessionRequest{WebsiteId: websiteID, SessionId: sessionID}
		for more := true; more; more = request.EventsCursor != "" {
			page, err := call(ctx, c, c.reads.GetSession, request, codes.Unavailable)
			if !each(page.GetEvents(), err, yield) {
				return
			}
			request.EventsCursor = page.GetNextEventsCursor().GetStringValue()
		}
	}
}

// Session reads one session; one that was joined to another answers with the session that stayed.
func (c *Client) Session(ctx context.Context, websiteID, sessionID string) (*Session, error) {
	request := &GetSessionRequest{WebsiteId: websiteID, SessionId: sessionID, EventsLimit: 1}
	answer, err := call(ctx, c, c.reads.GetSession, request, codes.Unavailable)
	return answer.GetSession(), err
}

// each yields what a page holds, or its error, and says whether to go on.
func each[T any](page []*T, err error, yield func(*T, error) bool) bool {
	if err != nil {
		yield(nil, err)
		return false
	}
	for _, one := range page {
		if !yield(one, nil) {
			return false
		}
	}
	return true
}
