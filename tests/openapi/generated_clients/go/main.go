// Records an event and lists its session, with the generated types; prints what it got.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"time"

	"example.com/generated/api"
)

type key string

func (k key) Key(context.Context, api.OperationName) (api.Key, error) {
	return api.Key{Token: string(k)}, nil
}

func main() {
	ctx, website := context.Background(), os.Getenv("SESSIONS_WEBSITE_ID")
	client, err := api.NewClient(os.Getenv("SESSIONS_ADDRESS"), key(os.Getenv("SESSIONS_KEY")))
	if err != nil {
		log.Fatal(err)
	}
	at := time.Date(2026, 3, 3, 10, 15, 0, 0, time.UTC)
	event := api.Event{
		EventType: api.EventEventTypePageview,
		VisitorID: api.NewOptString("go"),
		Timestamp: api.NewOptDateTime(at),
		URL:       api.NewOptString("/generated"),
	}
	recorded, err := client.EventServiceRecordEvents(
		ctx,
		&api.RecordEventsRequest{Events: []api.Event{event}},
		api.EventServiceRecordEventsParams{WebsiteID: website},
	)
	if err != nil {
		log.Fatal(err)
	}
	listed, err := client.SessionServiceListSessions(ctx, api.SessionServiceListSessionsParams{
		WebsiteID:  website,
		StartDate:  api.NewOptDate(at),
		EndDate:    api.NewOptDate(at),
		FilterPage: []string{"/generated", "/other"},
	})
	if err != nil {
		log.Fatal(err)
	}
	show(recorded, listed)
}

func show(recorded api.EventServiceRecordEventsRes, listed api.SessionServiceListSessionsRes) {
	count, ok := recorded.(*api.RecordEventsResponseHeaders)
	if !ok {
		log.Fatalf("%#v", recorded)
	}
	page, ok := listed.(*api.ListSessionsResponseHeaders)
	if !ok {
		log.Fatalf("%#v", listed)
	}
	session, cursor := page.Response.Sessions[0], "null"
	if !page.Response.NextCursor.Null {
		cursor = page.Response.NextCursor.Value
	}
	fmt.Println(
		count.Response.NewEvents, session.VisitorID, session.Pageviews, session.IsBounce, cursor,
	)
}
