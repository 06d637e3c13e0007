package sessions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The data of the running service; tests/sdk/conftest.py makes it and sets the variables.
const (
	day        = "2026-03-03"
	allOfDay   = 250
	germans    = 50
	longEvents = 1_200
)

// service is a client of the running service, and its website; without one, the test is skipped.
func service(t *testing.T, options Options) (*Client, string) {
	t.Helper()
	if os.Getenv("SESSIONS_ADDRESS") == "" {
		t.Skip("needs a running service, which SESSIONS_ADDRESS names: pytest tests/sdk/test_go.py starts one")
	}
	options.Timeout = cmp.Or(options.Timeout, time.Minute) // for slow machines
	options.RetryFor = cmp.Or(options.RetryFor, 2*time.Minute)
	return open(t, options), variable(t, "SESSIONS_WEBSITE_ID")
}

func variable(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Fatal(name, "is not set, but SESSIONS_ADDRESS is")
	}
	return value
}

// restart kills the workers of the service; they come back by themselves.
func restart(t *testing.T) {
	t.Helper()
	if output, err := exec.Command("sh", "-c", variable(t, "SESSIONS_RESTART")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
}

func thatDay() *ListSessionsRequest { return &ListSessionsRequest{StartDate: day, EndDate: day} }

// collect checks that there is no error and no session twice, and returns all.
func collect(t *testing.T, found iter.Seq2[*Session, error]) []*Session {
	t.Helper()
	var all []*Session
	ids := map[string]bool{}
	for session, err := range found {
		if err != nil {
			t.Fatalf("after %d sessions: %v", len(all), err)
		}
		if ids[session.SessionId] {
			t.Errorf("%s came twice", session.SessionId)
		}
		ids[session.SessionId] = true
		all = append(all, session)
	}
	return all
}

func TestWalkOverPagesOfAllSessions(t *testing.T) {
	client, website := service(t, Options{})
	all := collect(t, client.Sessions(t.Context(), website, thatDay()).All())
	if len(all) != allOfDay {
		t.Errorf("%d sessions", len(all))
	}
	newestFirst := func(a, b *Session) int { return b.StartedAt.AsTime().Compare(a.StartedAt.AsTime()) }
	if !slices.IsSortedFunc(all, newestFirst) {
		t.Error("not newest first")
	}
}

func TestExportComplete(t *testing.T) {
	client, website := service(t, Options{})
	request := &ExportSessionsRequest{StartDate: day, EndDate: day, IncludeEvents: true}
	var last *Session
	var sessions, events, expected int
	for item, err := range client.ExportSessions(t.Context(), website, request).All() {
		if err != nil {
			t.Fatal(err)
		}
		if session := item.GetSession(); session != nil {
			if last != nil && session.StartedAt.AsTime().Before(last.StartedAt.AsTime()) {
				t.Error("not oldest first")
			}
			last = session
			sessions++
			expected += int(session.Pageviews + session.Events)
		} else if events++; item.GetEvent().SessionId != last.SessionId {
			t.Errorf("%v is not after its session", item)
		}
	}
	if sessions != allOfDay || events != expected {
		t.Errorf("%d sessions, %d of %d events", sessions, events, expected)
	}
}

func TestExportPages(t *testing.T) {
	client, website := service(t, Options{})
	request := &ExportSessionsRequest{StartDate: day, EndDate: day}
	var found []*ExportItem
	var cursors []string
	var sizes []int
	for page, err := range client.ExportSessions(t.Context(), website, request).Pages() {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, page.Items...)
		cursors = append(cursors, page.NextCursor)
		sizes = append(sizes, len(page.Items))
	}
	if len(cursors) < 2 || slices.Contains(cursors[:len(cursors)-1], "") || cursors[len(cursors)-1] != "" {
		t.Errorf("cursors %q", cursors)
	}
	request.Cursor = cursors[0]
	at := sizes[0]
	for item, err := range client.ExportSessions(t.Context(), website, request).All() {
		if err != nil || !proto.Equal(item, found[at]) {
			t.Fatalf("%v, %v", item, err)
		}
		at++
	}
	if at != len(found) {
		t.Errorf("%d of %d items", at, len(found))
	}
}

func TestFiltersHoldOnAllPages(t *testing.T) {
	client, website := service(t, Options{})
	filter := thatDay()
	filter.FilterCountry = []string{"US"}
	all := collect(t, client.Sessions(t.Context(), website, filter).All())
	if len(all) != allOfDay-germans {
		t.Errorf("%d sessions", len(all))
	}
	for _, session := range all {
		if session.GetCountry() != "US" {
			t.Errorf("%v", session)
		}
	}
	filter.FilterCountry, filter.FilterPage = []string{"DE", "FR"}, []string{"/products/1"}
	if all = collect(t, client.Sessions(t.Context(), website, filter).All()); len(all) != germans {
		t.Errorf("%d sessions", len(all))
	}
}

func TestSummarize(t *testing.T) {
	client, website := service(t, Options{})
	query := &SummarizeRequest{StartDate: day, EndDate: day}
	found, err := client.Summarize(t.Context(), website, query)
	if err != nil {
		t.Fatal(err)
	}
	if summary := found.Summary; summary.Sessions != allOfDay || summary.Visitors != allOfDay ||
		summary.BounceRate == nil || *summary.BounceRate != 0 || found.Comparison != nil {
		t.Errorf("%v", found)
	}
	query.FilterCountry = []string{"FR"}
	if found, err = client.Summarize(t.Context(), website, query); err != nil || found.Summary.BounceRate != nil {
		t.Errorf("%v, %v", found, err)
	}
}

func TestSummarizeCompares(t *testing.T) {
	client, website := service(t, Options{})
	found, err := client.Summarize(t.Context(), website, &SummarizeRequest{
		StartDate: "2026-03-04", EndDate: "2026-03-04", Compare: "custom",
		CompareStartDate: "2026-03-01", CompareEndDate: day,
	})
	if err != nil {
		t.Fatal(err)
	}
	if found.Summary.Sessions != 0 || found.Comparison.Summary.Sessions != allOfDay ||
		found.Comparison.StartDate != "2026-03-01" {
		t.Errorf("%v", found)
	}
}

func TestFilterAndJourney(t *testing.T) {
	client, website := service(t, Options{})
	steps := []string{"page = /products/0", "page = /products/2"}
	for want, request := range map[int]*ListSessionsRequest{
		49:  {Filter: "country = DE AND pageviews < 3"},
		1:   {Journey: steps, NotJourney: []string{"event:*"}},
		249: {NotJourney: steps},
	} {
		request.StartDate, request.EndDate = day, day
		if all := collect(t, client.Sessions(t.Context(), website, request).All()); len(all) != want {
			t.Errorf("%d sessions, not %d", len(all), want)
		}
	}
	_, err := client.Sessions(t.Context(), website, &ListSessionsRequest{Filter: "country == DE"}).Page()
	var refused *Error
	if !errors.As(err, &refused) || len(refused.Fields) != 1 {
		t.Fatal(err)
	}
	field, want := refused.Fields[0], "at character 10: found '=', expected a value"
	if field.Field != "filter" || field.Description != want {
		t.Errorf("%v", field)
	}
}

func TestTimeSeries(t *testing.T) {
	client, website := service(t, Options{})
	query := &TimeSeriesRequest{StartDate: day, EndDate: day, Granularity: "hour"}
	found, err := client.TimeSeries(t.Context(), website, query)
	if err != nil || len(found.Buckets) != 24 || found.Buckets[8].Summary.Sessions != 60 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestBreakdown(t *testing.T) {
	client, website := service(t, Options{})
	query := &BreakdownRequest{StartDate: day, EndDate: day, Dimension: []string{"country"}, Limit: 1}
	found, err := client.Breakdown(t.Context(), website, query)
	if err != nil || len(found.Rows) != 1 || found.Rows[0].Values[0] != "US" ||
		found.Other.Summary.Sessions != germans || found.Total.Sessions != allOfDay {
		t.Errorf("%v, %v", found, err)
	}
}

func TestFunnel(t *testing.T) {
	client, website := service(t, Options{})
	query := &FunnelRequest{
		StartDate: day, EndDate: day, Dimension: "country", Limit: 1,
		Steps: []string{`page = "/products/0"`, `page = "/products/1"`},
	}
	found, err := client.Funnel(t.Context(), website, query)
	if err != nil || found.Steps[1].Reached != allOfDay || found.Rows[0].Value != "US" || found.Other[1].Reached != germans {
		t.Errorf("%v, %v", found, err)
	}
}

func TestFlows(t *testing.T) {
	client, website := service(t, Options{})
	found, err := client.Flows(t.Context(), website, &FlowsRequest{StartDate: day, EndDate: day, Depth: 2})
	if err != nil || len(found.Nodes) != 3 || found.Nodes[1].Item.GetPage() != "/products/0" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestTransitions(t *testing.T) {
	client, website := service(t, Options{})
	query := &TransitionsRequest{StartDate: day, EndDate: day, Page: "/products/1"}
	found, err := client.Transitions(t.Context(), website, query)
	if err != nil || found.Views != allOfDay || found.Next[0].GetPage() != "/products/2" {
		t.Errorf("%v, %v", found, err)
	}
}

func TestCohorts(t *testing.T) {
	client, website := service(t, Options{})
	found, err := client.Cohorts(t.Context(), website, &CohortsRequest{StartDate: day, EndDate: day})
	if err != nil || found.Cohorts[0].Visitors != allOfDay || len(found.Cohorts[0].Periods) != 1 {
		t.Errorf("%v, %v", found, err)
	}
}

func TestPatterns(t *testing.T) {
	client, website := service(t, Options{})
	query := &PatternsRequest{StartDate: day, EndDate: day, Length: 2, Goal: `page = "/products/2"`}
	found, err := client.Patterns(t.Context(), website, query)
	if err != nil || len(found.Patterns) != 1 || found.Patterns[0].WithGoal.Sessions != 1 || !found.IsExact {
		t.Errorf("%v, %v", found, err)
	}
}

func TestDrillDownIntoBehaviour(t *testing.T) {
	client, website := service(t, Options{})
	query := &FunnelRequest{
		StartDate: day, EndDate: day, FilterCountry: []string{"DE"},
		Steps: []string{`page = "/products/1"`, `page = "/products/2"`},
	}
	funnel, err := client.Funnel(t.Context(), website, query)
	if err != nil {
		t.Fatal(err)
	}
	dropped := collect(t, client.SessionsOf(t.Context(), website, funnel.Steps[1].DroppedSessions, query).All())
	if len(dropped) != int(funnel.Steps[1].Dropped) || len(dropped) == 0 {
		t.Errorf("%d sessions of %v", len(dropped), funnel.Steps[1])
	}
	asked := &FlowsRequest{StartDate: day, EndDate: day, FilterCountry: query.FilterCountry}
	flows, err := client.Flows(t.Context(), website, asked)
	if err != nil {
		t.Fatal(err)
	}
	for _, node := range flows.Nodes {
		sessions := collect(t, client.SessionsOf(t.Context(), website, node, asked).All())
		if len(sessions) != int(node.Sessions) {
			t.Errorf("%d sessions of %v", len(sessions), node)
		}
	}
}

func TestDrillDown(t *testing.T) {
	client, website := service(t, Options{})
	query := &BreakdownRequest{
		StartDate: day, EndDate: day, Dimension: []string{"country"}, Limit: 1,
		FilterPage: []string{"/products/1"}, Filter: "pageviews < 100",
	}
	found, err := client.Breakdown(t.Context(), website, query)
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range []*BreakdownRow{found.Rows[0], found.Other} {
		sessions := collect(t, client.SessionsOf(t.Context(), website, row, query).All())
		if len(sessions) != int(row.Summary.Sessions) {
			t.Errorf("%d sessions of %v", len(sessions), row)
		}
	}
	if _, err := client.SessionsOf(t.Context(), website, &BreakdownRow{}, query).Page(); err == nil {
		t.Error("a row without a filter has sessions")
	}
}

func TestSessionAndItsEvents(t *testing.T) {
	client, website := service(t, Options{})
	all := collect(t, client.Sessions(t.Context(), website, thatDay()).All())
	long := all[len(all)-1]
	got, err := client.Session(t.Context(), website, long.SessionId)
	if err != nil || got.SessionId != long.SessionId || got.VisitorId != "visitor-000" || got.Pageviews != longEvents {
		t.Fatalf("got %v, %v", got, err)
	}
	count := 0
	for event, err := range client.Events(t.Context(), website, long.SessionId, nil).All() {
		if err != nil {
			t.Fatal(err)
		}
		if want := fmt.Sprint("https://shop.example/products/", count); event.GetUrl() != want {
			t.Fatalf("event %d is %v", count, event)
		}
		count++
	}
	if count != longEvents {
		t.Errorf("%d events", count)
	}
}

func TestRecordAccepted(t *testing.T) {
	client, website := service(t, Options{})
	sent := identified(t, 2_500)
	for range 2 {
		if recorded, err := client.Record(t.Context(), website, slices.Values(sent)); err != nil || recorded.Accepted != 2_500 {
			t.Errorf("got %v, %v", recorded, err)
		}
	}
}

// identified are events of a day of their own, with ids that no other run has.
func identified(t *testing.T, count int) []*Event {
	visitor := fmt.Sprintf("go-%d", time.Now().UnixNano())
	begin := time.Date(2026, 4, 1, 8, 0, 0, 0, time.UTC)
	var made []*Event
	for i := range count {
		made = append(made, &Event{
			EventId: fmt.Sprint(i), EventType: "pageview", VisitorId: visitor, Url: "/go",
			Referrer:  "https://search.example/" + strings.Repeat("x", 100), // batches above 64 KiB
			Timestamp: timestamppb.New(begin.Add(time.Duration(i) * time.Second)),
		})
	}
	return made
}

func TestWalkSurvivesRestart(t *testing.T) {
	client, website := service(t, Options{})
	seen := 0
	all := collect(t, func(yield func(*Session, error) bool) {
		for session, err := range client.Sessions(t.Context(), website, thatDay()).All() {
			if !yield(session, err) {
				return
			}
			if seen++; seen == 100 || seen == 200 { // the last session of its page
				restart(t)
			}
		}
	})
	if len(all) != allOfDay {
		t.Errorf("%d sessions", len(all))
	}
}

func TestRecordSurvivesRestart(t *testing.T) {
	client, website := service(t, Options{})
	sent := identified(t, 2_500)
	recorded, err := client.Record(t.Context(), website, func(yield func(*Event) bool) {
		for i, event := range sent {
			if i == 1_000 || i == 2_000 { // the batch before is sent next
				restart(t)
			}
			if !yield(event) {
				return
			}
		}
	})
	if err != nil || recorded.Accepted != 2_500 {
		t.Errorf("got %v, %v", recorded, err)
	}
	if got := ofVisitor(t, client, website, sent[0].VisitorId); got.GetPageviews() != 2_500 {
		t.Errorf("the session is %v", got)
	}
}

// ofVisitor is the session of the visitor on the day of identified.
func ofVisitor(t *testing.T, client *Client, website, visitor string) *Session {
	t.Helper()
	filter := &ListSessionsRequest{StartDate: "2026-04-01", EndDate: "2026-04-01"}
	for _, session := range collect(t, client.Sessions(t.Context(), website, filter).All()) {
		if session.VisitorId == visitor {
			return session
		}
	}
	return nil
}

func TestPagesHaveCursors(t *testing.T) {
	client, website := service(t, Options{})
	var sizes []int
	var more []bool
	for page, err := range client.Sessions(t.Context(), website, thatDay()).Pages() {
		if err != nil {
			t.Fatal(err)
		}
		sizes, more = append(sizes, len(page.Items)), append(more, page.NextCursor != "")
	}
	equal(t, sizes, []int{100, 100, 50})
	equal(t, more, []bool{true, true, false})
}

func TestWalkResumes(t *testing.T) {
	client, website := service(t, Options{})
	all := collect(t, client.Sessions(t.Context(), website, thatDay()).All())
	filter := thatDay()
	filter.Limit = 30
	first, err := client.Sessions(t.Context(), website, filter).Page()
	if err != nil || len(first.Items) != 30 {
		t.Fatalf("got %v, %v", first, err)
	}
	filter.Cursor, filter.Limit = first.NextCursor, 90
	rest := collect(t, client.Sessions(t.Context(), website, filter).All())
	if !slices.EqualFunc(rest, all[30:], func(a, b *Session) bool { return a.SessionId == b.SessionId }) {
		t.Errorf("%d sessions after the first 30", len(rest))
	}
}

func TestEventsAreTimed(t *testing.T) {
	client, website := service(t, Options{})
	filter := thatDay()
	filter.FilterPage = []string{"/products/1000"}
	long := collect(t, client.Sessions(t.Context(), website, filter).All())[0]
	request := &GetSessionRequest{EventsLimit: 7}
	first, err := client.Events(t.Context(), website, long.SessionId, request).Page()
	if err != nil || first.Items[5].GetTimeOnPage() != 1 || first.Items[6].TimeOnPage != nil || first.PreviousViewTime != nil {
		t.Fatalf("got %v, %v", first, err)
	}
	request.EventsCursor = first.NextCursor
	second, err := client.Events(t.Context(), website, long.SessionId, request).Page()
	if err != nil || second.PreviousViewTime == nil || *second.PreviousViewTime != 1 {
		t.Errorf("got %v, %v", second, err)
	}
}

func TestStreamAccepted(t *testing.T) {
	client, website := service(t, Options{})
	sent := identified(t, 2_500)
	var done []int
	for recorded, err := range client.Stream(t.Context(), website, slices.Values(sent)) {
		if err != nil {
			t.Fatal(err)
		}
		done = append(done, recorded.Accepted)
	}
	equal(t, done, []int{1_000, 2_000, 2_500})
	if got := ofVisitor(t, client, website, sent[0].VisitorId); got.GetPageviews() != 2_500 {
		t.Errorf("the session is %v", got)
	}
}

func TestEraseVisitorForGood(t *testing.T) {
	client, website := service(t, Options{})
	sent := identified(t, 2)
	visitor := &EraseVisitorRequest{VisitorId: sent[0].VisitorId}
	for i := range 2 {
		if _, err := client.Record(t.Context(), website, slices.Values(sent)); err != nil {
			t.Fatal(err)
		}
		if erased, err := client.EraseVisitor(t.Context(), website, visitor); err != nil || erased.ErasedSessions != int32(1-i) {
			t.Errorf("got %v, %v", erased, err)
		}
	}
}

// failure is the error of a call, which must be of the class.
func failure(t *testing.T, err error, class error, code codes.Code, reason string) *Error {
	t.Helper()
	var failed *Error
	if !errors.As(err, &failed) || !errors.Is(err, class) {
		t.Fatalf("got %#v, want %v", err, class)
	}
	if failed.Code != code || failed.Message == "" || failed.Reason != reason {
		t.Errorf("got %+v, want %v and %q", failed, code, reason)
	}
	return failed
}

func TestErrorsInvalidArgument(t *testing.T) {
	client, website := service(t, Options{})
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "request-of-a-go-test")
	_, err := client.Record(ctx, website, slices.Values([]*Event{{EventType: "event", VisitorId: "go"}}))
	failed := failure(t, err, ErrInvalidArgument, codes.InvalidArgument, "ERROR_REASON_INVALID_FIELD")
	if len(failed.Fields) != 1 || failed.Fields[0].Field != "events[0].event_name" || failed.Fields[0].Description == "" {
		t.Errorf("fields %v", failed.Fields)
	}
	if failed.RequestID != "request-of-a-go-test" {
		t.Errorf("request id %q", failed.RequestID)
	}
}

func TestUnauthenticated(t *testing.T) {
	client, website := service(t, Options{Key: "spk_selfhosted_nobody"})
	_, err := client.Session(t.Context(), website, "sess_0")
	failed := failure(t, err, ErrUnauthenticated, codes.Unauthenticated, "ERROR_REASON_CREDENTIALS_INVALID")
	if failed.RequestID == "" {
		t.Error("no request id")
	}
}

func TestPermissionDenied(t *testing.T) {
	client, website := service(t, Options{Key: os.Getenv("SESSIONS_READ_KEY")})
	_, err := client.Record(t.Context(), website, slices.Values(identified(t, 1)))
	failure(t, err, ErrPermissionDenied, codes.PermissionDenied, "ERROR_REASON_SCOPE_MISSING")
}

func TestNotFound(t *testing.T) {
	client, website := service(t, Options{})
	unknown := "sess_" + strings.Repeat("0", 32)
	_, err := client.Session(t.Context(), website, unknown)
	failure(t, err, ErrNotFound, codes.NotFound, "ERROR_REASON_SESSION_NOT_FOUND")
	for _, err := range client.Events(t.Context(), website, unknown, nil).All() {
		failure(t, err, ErrNotFound, codes.NotFound, "ERROR_REASON_SESSION_NOT_FOUND")
	}
	for _, err := range client.Sessions(t.Context(), "site_0000000000", thatDay()).All() {
		failure(t, err, ErrNotFound, codes.NotFound, "ERROR_REASON_WEBSITE_NOT_FOUND")
		if errors.Is(err, ErrUnavailable) || errors.Is(err, context.Canceled) {
			t.Error("it matches another class too")
		}
	}
}

func TestDeadlineExceeded(t *testing.T) {
	client, website := service(t, Options{Timeout: time.Microsecond, RetryFor: NoRetries})
	_, err := client.Session(t.Context(), website, "sess_0")
	failure(t, err, ErrDeadlineExceeded, codes.DeadlineExceeded, "")
}

func TestUnavailable(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // nobody listens there now
	client := open(t, Options{Address: address, Key: "spk", RetryFor: time.Second})
	begin := time.Now()
	_, err = client.Session(t.Context(), "site", "sess_0")
	failure(t, err, ErrUnavailable, codes.Unavailable, "")
	if took := time.Since(begin); took < 400*time.Millisecond || took > 10*time.Second {
		t.Errorf("gave up after %v", took)
	}
}
