package sessions

import (
	"cmp"
	"context"
	"iter"

	"google.golang.org/protobuf/types/known/structpb"
)

// Page is some items of a list, and where the next page begins: "" on the last one. A page of events
// also has the time on the last page viewed before it, in seconds, where this page tells it.
type Page[T any] struct {
	Items            []T
	NextCursor       string
	PreviousViewTime *float64
}

// Walk is a list in pages, which are read as needed. Each iteration begins at the cursor of the
// request that it was made with. An error is the last thing that comes, and stands alone.
type Walk[T any] struct {
	cursor string
	read   func(cursor string) (Page[T], error)
}

// Page reads the first page.
func (w Walk[T]) Page() (Page[T], error) { return w.read(w.cursor) }

// Pages iterates over the pages, to the last one.
func (w Walk[T]) Pages() iter.Seq2[Page[T], error] {
	return func(yield func(Page[T], error) bool) {
		for cursor, more := w.cursor, true; more; more = cursor != "" {
			page, err := w.read(cursor)
			if !yield(page, err) || err != nil {
				return
			}
			cursor = page.NextCursor
		}
	}
}

// All iterates over the items of all pages.
func (w Walk[T]) All() iter.Seq2[T, error] { return items(w.Pages()) }

func items[T any](pages iter.Seq2[Page[T], error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for page, err := range pages {
			if err != nil {
				yield(*new(T), err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// Sessions lists the sessions of a website, newest first. The filter may be nil; its Cursor is
// where to begin, its Limit the size of pages (default: 100), its website does not count. As
// everywhere in Go, an empty slice is no filter.
func (c *Client) Sessions(
	ctx context.Context, websiteID string, filter *ListSessionsRequest,
) Walk[*Session] {
	return Walk[*Session]{filter.GetCursor(), func(cursor string) (Page[*Session], error) {
		request := ofWebsite(filter, websiteID)
		request.Cursor, request.Limit = cursor, cmp.Or(request.Limit, 100)
		page, err := call[ListSessionsResponse](ctx, c, SessionService_ListSessions_FullMethodName, request)
		return pageOf(page.GetSessions(), page.GetNextCursor(), err)
	}}
}

// Events lists the events of a session, oldest first. The request may be nil; its EventsCursor is
// where to begin, its EventsLimit the size of pages, its ids do not count.
func (c *Client) Events(
	ctx context.Context, websiteID, sessionID string, request *GetSessionRequest,
) Walk[*SessionEvent] {
	return Walk[*SessionEvent]{request.GetEventsCursor(), func(cursor string) (Page[*SessionEvent], error) {
		answer, err := c.getSession(ctx, &GetSessionRequest{
			WebsiteId: websiteID, SessionId: sessionID, EventsCursor: cursor, EventsLimit: request.GetEventsLimit(),
		})
		page, err := pageOf(answer.GetEvents(), answer.GetNextEventsCursor(), err)
		if answer != nil {
			page.PreviousViewTime = answer.PreviousViewTime
		}
		return page, err
	}}
}

// Session reads one session; one that was merged into another answers with the session that stayed.
func (c *Client) Session(ctx context.Context, websiteID, sessionID string) (*Session, error) {
	request := &GetSessionRequest{WebsiteId: websiteID, SessionId: sessionID, EventsLimit: 1}
	answer, err := c.getSession(ctx, request)
	return answer.GetSession(), err
}

func (c *Client) getSession(ctx context.Context, request *GetSessionRequest) (*GetSessionResponse, error) {
	return call[GetSessionResponse](ctx, c, SessionService_GetSession_FullMethodName, request)
}

func pageOf[T any](items []T, next *structpb.Value, err error) (Page[T], error) {
	return Page[T]{Items: items, NextCursor: next.GetStringValue()}, err
}
