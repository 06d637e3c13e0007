package sessions

import (
	"cmp"
	"context"
	"iter"

	"google.golang.org/protobuf/proto"
)

// Sessions iterates over the sessions of a website, newest first, and asks for a page of 100 when
// it gets there. The filter may be nil; its website, cursor and limit do not count. As everywhere
// in Go, an empty slice is no filter. An error is the last thing that comes, and stands alone.
func (c *Client) Sessions(
	ctx context.Context, websiteID string, filter *ListSessionsRequest,
) iter.Seq2[*Session, error] {
	return walk(func(cursor string) ([]*Session, string, error) {
		request := proto.CloneOf(cmp.Or(filter, &ListSessionsRequest{}))
		request.WebsiteId, request.Limit, request.Cursor = websiteID, 100, cursor
		page, err := NewSessionServiceClient(c.connection).ListSessions(ctx, request)
		return page.GetSessions(), page.GetNextCursor().GetStringValue(), err
	})
}

// Events iterates over the events of a session, oldest first, page by page, as Sessions does.
func (c *Client) Events(
	ctx context.Context, websiteID, sessionID string,
) iter.Seq2[*SessionEvent, error] {
	return walk(func(cursor string) ([]*SessionEvent, string, error) {
		request := &GetSessionRequest{WebsiteId: websiteID, SessionId: sessionID}
		request.EventsCursor = cursor
		page, err := NewSessionServiceClient(c.connection).GetSession(ctx, request)
		return page.GetEvents(), page.GetNextEventsCursor().GetStringValue(), err
	})
}

// Session reads one session; one that was joined to another answers with the session that stayed.
func (c *Client) Session(ctx context.Context, websiteID, sessionID string) (*Session, error) {
	request := &GetSessionRequest{WebsiteId: websiteID, SessionId: sessionID, EventsLimit: 1}
	answer, err := NewSessionServiceClient(c.connection).GetSession(ctx, request)
	return answer.GetSession(), err
}

// walk iterates over what is on the pages that turn reads, each at the cursor of the page before.
func walk[T any](turn func(cursor string) ([]*T, string, error)) iter.Seq2[*T, error] {
	return func(yield func(*T, error) bool) {
		for cursor, more := "", true; more; more = cursor != "" {
			page, next, err := turn(cursor)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, item := range page {
				if !yield(item, nil) {
					return
				}
			}
			cursor = next
		}
	}
}
