package sessions

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"iter"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const mostEvents, mostBytes = 1_000, 3 << 20 // of a batch; the server takes 4 MiB

// Recorded is what became of events: new ones, and those that were known before.
type Recorded struct{ New, Known int }

// Record sends events of a website in batches, each of which is recorded whole or not at all. What
// has no event id or timestamp gets one; the caller's events stay as they are. On an error,
// Recorded counts the batches before the one that failed, whose first event is events[0] in Fields.
func (c *Client) Record(
	ctx context.Context, websiteID string, events iter.Seq[*Event],
) (done Recorded, err error) {
	batch, bytes := &RecordEventsRequest{WebsiteId: websiteID}, 0
	send := func() error {
		answer, err := NewEventServiceClient(c.connection).RecordEvents(ctx, batch)
		if err != nil {
			return fmt.Errorf("after %d recorded events: %w", done.New+done.Known, err)
		}
		done = Recorded{done.New + int(answer.NewEvents), done.Known + int(answer.KnownEvents)}
		batch.Events, bytes = nil, 0
		return nil
	}
	for event := range events {
		event = stamped(event)
		size := proto.Size(event) + 8 // with its frame
		if len(batch.Events) == mostEvents || len(batch.Events) > 0 && bytes+size > mostBytes {
			if err = send(); err != nil {
				return done, err
			}
		}
		batch.Events, bytes = append(batch.Events, event), bytes+size
	}
	if len(batch.Events) > 0 {
		err = send()
	}
	return done, err
}

// stamped is a copy of the event that can be sent again without counting twice.
func stamped(event *Event) *Event {
	sent := proto.CloneOf(cmp.Or(event, &Event{}))
	sent.EventId = cmp.Or(sent.EventId, rand.Text())
	sent.Timestamp = cmp.Or(sent.Timestamp, timestamppb.Now())
	return sent
}
