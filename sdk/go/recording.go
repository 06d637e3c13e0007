package sessions

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	mostEvents, mostBytes = 1_000, 3 << 20 // of a batch; the server takes 4 MiB
	underWay              = 2              // batches of a stream: one is stored while the next one is sent
	reopening             = firstPause     // before a stream that the server ended is opened again
)

// Recorded is how many events are recorded; those that were there before count too.
type Recorded struct{ Accepted int }

// Record sends events of a website in batches, each of which is recorded whole or not at all. What
// has no event id or timestamp gets one; the caller's events stay as they are. On an error,
// Recorded counts the batches before the one that failed, whose first event is events[0] in Fields.
func (c *Client) Record(
	ctx context.Context, websiteID string, events iter.Seq[*Event],
) (Recorded, error) {
	return c.RecordFrom(ctx, websiteID, infallible(events))
}

// RecordFrom is Record with a source that can fail: its error is returned as it is, and the events
// of the batch at hand are not sent.
func (c *Client) RecordFrom(
	ctx context.Context, websiteID string, events iter.Seq2[*Event, error],
) (done Recorded, err error) {
	for batch, err := range batches(events) {
		if err != nil {
			return done, err
		}
		request := &RecordEventsRequest{WebsiteId: websiteID, Events: batch}
		if _, err := call[RecordEventsResponse](ctx, c, EventService_RecordEvents_FullMethodName, request); err != nil {
			return done, fmt.Errorf("after %d recorded events: %w", done.Accepted, err)
		}
		done.Accepted += len(batch)
	}
	return done, nil
}

// Stream records events as Record does, over one stream: a batch travels while one is stored. It
// yields after each batch how many events are recorded by now, and an error as the last thing. A
// stream that ends is opened again, and what was not answered is sent again.
func (c *Client) Stream(
	ctx context.Context, websiteID string, events iter.Seq[*Event],
) iter.Seq2[Recorded, error] {
	return c.StreamFrom(ctx, websiteID, infallible(events))
}

// StreamFrom is Stream with a source that can fail, as RecordFrom is Record.
func (c *Client) StreamFrom(
	ctx context.Context, websiteID string, events iter.Seq2[*Event, error],
) iter.Seq2[Recorded, error] {
	return func(yield func(Recorded, error) bool) {
		next, stop := iter.Pull2(batches(events))
		defer stop()
		s := &streaming{websiteID: websiteID, next: next, yield: yield}
		tries, err := c.begin(ctx, EventService_StreamEvents_FullMethodName)
		for over := false; err == nil && !over; {
			over, err = s.run(tries)
		}
		if err != nil {
			yield(s.done, err)
		}
	}
}

// streaming is a stream of batches, over one stream of gRPC after another.
type streaming struct {
	websiteID  string
	next       func() ([]*Event, error, bool)
	yield      func(Recorded, error) bool
	unanswered []*StreamEventsRequest
	number     int64
	done       Recorded
}

// run sends over one stream; it returns whether all is done, or an error that nothing cures.
func (s *streaming) run(tries *attempts) (over bool, err error) {
	ctx, cancel := context.WithCancel(tries.ctx)
	defer cancel()
	stream, err := NewEventServiceClient(tries.client.connection).StreamEvents(ctx)
	if err != nil {
		return false, tries.pause(newError(err, nil))
	}
	for _, request := range s.unanswered {
		_ = stream.Send(request) // Recv has the error
	}
	for {
		for len(s.unanswered) < underWay {
			batch, err, more := s.next()
			if err != nil {
				return false, err
			}
			if !more {
				break
			}
			request := &StreamEventsRequest{Batch: s.number, WebsiteId: s.websiteID, Events: batch}
			s.number++
			s.unanswered = append(s.unanswered, request)
			tries.restart()
			_ = stream.Send(request)
		}
		if len(s.unanswered) == 0 {
			_ = stream.CloseSend()
			return true, nil
		}
		_, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			time.Sleep(reopening)
			return false, nil
		}
		if err != nil {
			header, _ := stream.Header()
			return false, tries.pause(newError(err, metadata.Join(header, stream.Trailer())))
		}
		s.done.Accepted += len(s.unanswered[0].Events)
		s.unanswered = s.unanswered[1:]
		tries.restart()
		if !s.yield(s.done, nil) {
			return true, nil
		}
	}
}

// EraseVisitor removes a visitor's sessions and events for good; erasing again is safe. The
// request names the visitor as its events do: by VisitorId, or by ClientIp and UserAgent.
func (c *Client) EraseVisitor(
	ctx context.Context, websiteID string, visitor *EraseVisitorRequest,
) (*EraseVisitorResponse, error) {
	return call[EraseVisitorResponse](ctx, c, VisitorService_EraseVisitor_FullMethodName, ofWebsite(visitor, websiteID))
}

func infallible(events iter.Seq[*Event]) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for event := range events {
			if !yield(event, nil) {
				return
			}
		}
	}
}

// batches puts events into as few batches as requests can hold. An error of theirs is the last.
func batches(events iter.Seq2[*Event, error]) iter.Seq2[[]*Event, error] {
	return func(yield func([]*Event, error) bool) {
		var batch []*Event
		bytes := 0
		for event, err := range events {
			if err != nil {
				yield(nil, err)
				return
			}
			event = stamped(event)
			size := proto.Size(event) + 8 // with its frame
			if len(batch) == mostEvents || len(batch) > 0 && bytes+size > mostBytes {
				if !yield(batch, nil) {
					return
				}
				batch, bytes = nil, 0
			}
			batch, bytes = append(batch, event), bytes+size
		}
		if len(batch) > 0 {
			yield(batch, nil)
		}
	}
}

// stamped is a copy of the event that can be sent again without counting twice.
func stamped(event *Event) *Event {
	sent := proto.CloneOf(cmp.Or(event, &Event{}))
	sent.EventId = cmp.Or(sent.EventId, rand.Text())
	sent.Timestamp = cmp.Or(sent.Timestamp, timestamppb.Now())
	return sent
}
