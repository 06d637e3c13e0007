package sessions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// Export is a stream of sessions and events. One that breaks off is opened again where it was.
// Each iteration begins at the cursor of the request that it was made with, and is complete when
// it ends without an error, which is the last thing that comes, and stands alone.
type Export struct {
	client  *Client
	ctx     context.Context
	request *ExportSessionsRequest
}

// ExportSessions exports all sessions of a website, oldest first. The request may be nil; its
// Cursor is where to begin, its IncludeEvents whether each session is followed by its events, its
// website does not count.
func (c *Client) ExportSessions(
	ctx context.Context, websiteID string, request *ExportSessionsRequest,
) Export {
	return Export{c, ctx, ofWebsite(request, websiteID)}
}

// All iterates over the items.
func (e Export) All() iter.Seq2[*ExportItem, error] { return items(e.Pages()) }

// Pages iterates over some items at a time; the NextCursor of a page goes on after it.
func (e Export) Pages() iter.Seq2[Page[*ExportItem], error] {
	return func(yield func(Page[*ExportItem], error) bool) {
		run := &exporting{request: proto.CloneOf(e.request), yield: yield, unknown: e.request.Cursor != ""}
		tries, err := e.client.begin(e.ctx, SessionService_ExportSessions_FullMethodName)
		for over := false; err == nil && !over; {
			over, err = run.once(tries)
		}
		if err != nil {
			yield(Page[*ExportItem]{}, err)
		}
	}
}

// exporting is how far an export has come, over one stream after another.
type exporting struct {
	request  *ExportSessionsRequest // of the next stream
	yield    func(Page[*ExportItem], error) bool
	sessions int32 // that have come
	unknown  bool  // how many were before the first cursor
}

// once reads one stream; it returns whether all is done, or an error that nothing cures.
func (e *exporting) once(tries *attempts) (over bool, err error) {
	ctx, cancel := context.WithCancel(tries.ctx)
	defer cancel()
	stream, err := NewSessionServiceClient(tries.client.connection).ExportSessions(ctx, e.request)
	if err != nil {
		return false, tries.pauseStream(newError(err, nil))
	}
	for {
		answer, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return false, tries.pauseStream(&Error{
				Code: codes.Unavailable, Message: "the stream ended before its last message",
			})
		}
		if err != nil {
			header, _ := stream.Header()
			return false, tries.pauseStream(newError(err, metadata.Join(header, stream.Trailer())))
		}
		if err := e.count(answer); err != nil {
			return false, err
		}
		e.request.Cursor = answer.Cursor
		if !e.yield(Page[*ExportItem]{Items: answer.Items, NextCursor: answer.Cursor}, nil) || answer.IsLast {
			return true, nil
		}
		tries.restart()
	}
}

// count checks that no answer before this one is missing.
func (e *exporting) count(answer *ExportSessionsResponse) error {
	before := answer.Sessions
	for _, item := range answer.Items {
		if item.GetSession() != nil {
			before--
		}
	}
	if before != e.sessions && !e.unknown {
		text := fmt.Sprintf("the export lacks sessions: there are %d, not %d", e.sessions, before)
		return &Error{Code: codes.DataLoss, Message: text}
	}
	e.sessions, e.unknown = answer.Sessions, false
	return nil
}
