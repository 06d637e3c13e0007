package sessions

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestSettingsFromEnvironment(t *testing.T) {
	server := &fake{}
	t.Setenv("SESSIONS_ADDRESS", server.start(t, Options{}).connection.Target())
	t.Setenv("SESSIONS_KEY", "spk_environment")
	if _, err := open(t, Options{}).Record(t.Context(), "site", events(1)); err != nil {
		t.Fatal(err)
	}
	server.mutex.Lock()
	defer server.mutex.Unlock()
	equal(t, server.headers.Get("authorization"), []string{"Bearer spk_environment"})
	if server.left > 10*time.Second || server.left < -time.Minute { // without one it is the year 1
		t.Errorf("a deadline in %v", server.left)
	}
}

func TestSettingsFromEnvironmentAreNamed(t *testing.T) {
	for _, variable := range []string{"SESSIONS_ADDRESS", "SESSIONS_KEY"} {
		t.Setenv("SESSIONS_ADDRESS", "sessions.example:8080")
		t.Setenv("SESSIONS_KEY", "spk_environment")
		t.Setenv(variable, "")
		if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "set "+variable) {
			t.Errorf("got %v, want %s named", err, variable)
		}
	}
}

// plan is what all SDKs are tested with; tests/sdk/conftest.py says where it is.
func plan(t *testing.T) (cases struct {
	Addresses struct {
		Taken   map[string]string
		Refused []string
	}
	Keys struct{ Trimmed, Refused []string }
}) {
	t.Helper()
	text, err := os.ReadFile(cmp.Or(os.Getenv("SESSIONS_CASES"), "../cases.json"))
	if err != nil {
		t.Skip("needs the repository: ", err)
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestAddresses(t *testing.T) {
	protocols := map[string]string{"insecure": "plaintext", "tls": "tls"}
	for address, want := range plan(t).Addresses.Taken {
		open(t, Options{Address: address, Key: "spk"})
		target, security, err := parse(strings.TrimSpace(address))
		if err != nil || target+" "+protocols[security.Info().SecurityProtocol] != want {
			t.Errorf("%s: got %s, %v, want %s", address, target, err, want)
		}
	}
	for _, address := range plan(t).Addresses.Refused {
		if _, err := New(Options{Address: address, Key: "spk"}); err == nil || !strings.Contains(err.Error(), "http://host:port") {
			t.Errorf("%s: got %v", address, err)
		}
	}
}

func TestKeys(t *testing.T) {
	for _, key := range plan(t).Keys.Trimmed {
		if client := open(t, Options{Address: "a:1", Key: key}); client.key != "spk_key" {
			t.Errorf("%q became %q", key, client.key)
		}
	}
	for _, key := range plan(t).Keys.Refused {
		_, err := New(Options{Address: "a:1", Key: key})
		if err == nil || err.Error() != "sessions: key: has characters other than visible ASCII" {
			t.Errorf("%q: got %v", key, err)
		}
	}
}

func TestDurationsAreChecked(t *testing.T) {
	for _, wrong := range []CallOptions{{Timeout: -1}, {RetryFor: -2}, {RequestID: "two words"}} {
		options := Options{Address: "a:1", Key: "spk", Timeout: wrong.Timeout, RetryFor: wrong.RetryFor}
		if _, err := New(options); (err == nil) != (wrong.RequestID != "") {
			t.Errorf("%+v: got %v", wrong, err)
		}
		client := open(t, Options{Address: "a:1", Key: "spk"}).WithOptions(wrong)
		for name, err := range every(t.Context(), client) {
			if err == nil || errors.As(err, new(*Error)) {
				t.Errorf("%s with %+v: got %v", name, wrong, err)
			}
		}
	}
}

// every is what comes of one call of each method.
func every(ctx context.Context, client *Client) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		_, err := client.Sessions(ctx, "site", nil).Page()
		_ = yield("sessions", err)
		_, err = client.Session(ctx, "site", "sess")
		_ = yield("session", err)
		_, err = client.Events(ctx, "site", "sess", nil).Page()
		_ = yield("events", err)
		_, err = client.Record(ctx, "site", events(1))
		_ = yield("record", err)
		for _, err = range client.Stream(ctx, "site", events(1)) {
		}
		_ = yield("stream", err)
		_, err = client.EraseVisitor(ctx, "site", &EraseVisitorRequest{VisitorId: "anna"})
		_ = yield("erase", err)
	}
}

func TestWalkIsLazy(t *testing.T) {
	server := &fake{list: func(call int, _ *ListSessionsRequest) (*ListSessionsResponse, error) {
		return page(fmt.Sprint("after ", call), "a", "b"), nil
	}}
	client := server.start(t, Options{})
	all := client.Sessions(t.Context(), "site", nil).All()
	if len(server.lists()) != 0 {
		t.Error("making the iterator made a call")
	}
	seen := 0
	for range all {
		if seen++; seen == 4 {
			break
		}
	}
	if len(server.lists()) != 2 {
		t.Errorf("%d calls for the first two pages", len(server.lists()))
	}
}

func TestWalkOverPages(t *testing.T) {
	server := &fake{list: func(call int, request *ListSessionsRequest) (*ListSessionsResponse, error) {
		return []*ListSessionsResponse{page("1", "a"), page("2"), page("3", "b"), page("", "c")}[call-1], nil
	}}
	filter := &ListSessionsRequest{FilterOs: []string{"iOS", "macOS"}, StartDate: "2026-03-03", WebsiteId: "other"}
	before := proto.CloneOf(filter)
	ids, err := listed(t.Context(), server.start(t, Options{}), filter)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, ids, []string{"a", "b", "c"})
	if !proto.Equal(filter, before) {
		t.Errorf("the filter became %v", filter)
	}
	for i, request := range server.lists() {
		want := proto.CloneOf(before)
		want.WebsiteId, want.Limit, want.Cursor = "site", 100, []string{"", "1", "2", "3"}[i]
		if !proto.Equal(request, want) {
			t.Errorf("asked %v, want %v", request, want)
		}
	}
}

func TestCallsCarryKeyAndAgent(t *testing.T) {
	server := &fake{list: func(int, *ListSessionsRequest) (*ListSessionsResponse, error) { return page(""), nil }}
	if _, err := listed(t.Context(), server.start(t, Options{}), nil); err != nil {
		t.Fatal(err)
	}
	server.mutex.Lock()
	defer server.mutex.Unlock()
	equal(t, server.headers.Get("authorization"), []string{"Bearer spk_test"})
	if agent := server.headers.Get("user-agent"); !strings.HasPrefix(agent[0], "analytics-sessions-go/"+Version+" ") {
		t.Errorf("user agent %q", agent)
	}
}

func TestRetryUnavailable(t *testing.T) {
	server := &fake{list: func(call int, _ *ListSessionsRequest) (*ListSessionsResponse, error) {
		if call <= 3 {
			return nil, unavailable(0)
		}
		return page("", "a"), nil
	}}
	ids, err := listed(t.Context(), server.start(t, Options{}), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, ids, []string{"a"})
	for i, pause := range server.pauses() {
		if least := firstPause << i; pause < least {
			t.Errorf("pause %d took %v, want at least %v", i, pause, least)
		}
	}
}

func TestRetryDelayOfServer(t *testing.T) {
	server := &fake{list: func(call int, _ *ListSessionsRequest) (*ListSessionsResponse, error) {
		if call == 1 {
			return nil, unavailable(700 * time.Millisecond)
		}
		return page("", "a"), nil
	}}
	if _, err := listed(t.Context(), server.start(t, Options{}), nil); err != nil {
		t.Fatal(err)
	}
	if pauses := server.pauses(); len(pauses) != 1 || pauses[0] < 700*time.Millisecond {
		t.Errorf("pauses %v", pauses)
	}
}

func TestRetryDelayOfServerIsTold(t *testing.T) {
	server := &fake{list: func(int, *ListSessionsRequest) (*ListSessionsResponse, error) {
		return nil, unavailable(90 * time.Second)
	}}
	_, err := listed(t.Context(), server.start(t, Options{}), nil)
	if failed := (*Error)(nil); !errors.As(err, &failed) || failed.RetryAfter != 90*time.Second {
		t.Errorf("got %v", err)
	}
}

func TestRetryEnds(t *testing.T) {
	for name, want := range map[string]struct {
		retryFor time.Duration
		delay    time.Duration
		least    int
		most     int
	}{
		"when the time is over":                {retryFor: 3 * time.Second, least: 2, most: 5},
		"when the delay is too long":           {retryFor: time.Second, delay: time.Minute, least: 1, most: 1},
		"before they begin, when they are off": {retryFor: NoRetries, least: 1, most: 1},
	} {
		t.Run(name, func(t *testing.T) {
			server := &fake{list: func(int, *ListSessionsRequest) (*ListSessionsResponse, error) {
				return nil, unavailable(want.delay)
			}}
			_, err := listed(t.Context(), server.start(t, Options{RetryFor: want.retryFor}), nil)
			if calls := len(server.lists()); !errors.Is(err, ErrUnavailable) || calls < want.least || calls > want.most {
				t.Errorf("got %v after %d calls, want %d to %d", err, calls, want.least, want.most)
			}
		})
	}
}

func TestRetryNothingElse(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		if code == codes.Unavailable || code == codes.DeadlineExceeded {
			continue
		}
		server := &fake{fail: func(int) error { return status.Error(code, "refused") }}
		for name, err := range every(t.Context(), server.start(t, Options{})) {
			if failed := (*Error)(nil); !errors.As(err, &failed) || failed.Code != code {
				t.Errorf("%s: got %v, want %v", name, err, code)
			}
		}
		if calls := len(server.ids()); calls != 6 {
			t.Errorf("%v: %d calls of 6 methods", code, calls)
		}
	}
}

func TestRetryDeadline(t *testing.T) {
	everyCallIsMadeAgain(t, status.Error(codes.DeadlineExceeded, "late"))
}

func TestRetryUnavailableOfEveryCall(t *testing.T) { everyCallIsMadeAgain(t, unavailable(0)) }

// everyCallIsMadeAgain checks it where each fails once.
func everyCallIsMadeAgain(t *testing.T, failure error) {
	t.Helper()
	server := &fake{fail: func(call int) error {
		if call%2 == 1 {
			return failure
		}
		return nil
	}}
	for name, err := range every(t.Context(), server.start(t, Options{})) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if calls := len(server.ids()); calls != 12 {
		t.Errorf("%d calls of 6 methods", calls)
	}
}

func TestRetryResourceExhausted(t *testing.T) {
	server := &fake{fail: func(call int) error {
		failed := status.New(codes.ResourceExhausted, "limit")
		if call == 1 {
			failed, _ = failed.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(300 * time.Millisecond)})
		}
		return failed.Err()
	}}
	_, err := server.start(t, Options{}).Session(t.Context(), "site", "sess")
	if calls := len(server.ids()); !errors.Is(err, ErrResourceExhausted) || calls != 2 || server.pauses()[0] < 300*time.Millisecond {
		t.Errorf("got %v after %d calls", err, calls)
	}
}

func TestReadsWhatItRecorded(t *testing.T) {
	server := &fake{positions: []string{"0000000000000010", "000000000000000f"}}
	client := server.start(t, Options{})
	visitor := &EraseVisitorRequest{VisitorId: "visitor"}
	if _, err := client.Record(t.Context(), "site", slices.Values([]*Event{{EventType: "pageview", Url: "/"}})); err != nil {
		t.Fatal(err)
	}
	if _, err := client.EraseVisitor(t.Context(), "site", visitor); err != nil {
		t.Fatal(err)
	}
	if _, err := client.WithOptions(CallOptions{Timeout: time.Minute}).Session(t.Context(), "site", "sess"); err != nil {
		t.Fatal(err)
	}
	equal(t, server.headers.Get("x-sessions-position"), []string{"0000000000000010"})
}

func TestRequestIds(t *testing.T) {
	server := &fake{fail: func(call int) error {
		if call == 1 {
			return unavailable(0)
		}
		return nil
	}}
	client := server.start(t, Options{})
	for range 2 {
		if _, err := client.Session(t.Context(), "site", "sess"); err != nil {
			t.Fatal(err)
		}
	}
	ids := server.ids()
	if len(ids) != 3 || ids[0] != ids[1] || ids[1] == ids[2] || len(ids[0]) < 20 {
		t.Errorf("request ids %v", ids)
	}
}

func TestOptionsOfACall(t *testing.T) {
	server := &fake{fail: func(int) error { return unavailable(0) }}
	client := server.start(t, Options{})
	options := CallOptions{Timeout: time.Minute, RetryFor: NoRetries, RequestID: "mine"}
	_, err := client.WithOptions(options).Session(t.Context(), "site", "sess")
	if failed := (*Error)(nil); !errors.As(err, &failed) || failed.RequestID != "mine" {
		t.Errorf("got %v", err)
	}
	equal(t, server.ids(), []string{"mine"})
	if server.left < 30*time.Second {
		t.Errorf("a deadline in %v", server.left)
	}
	ctx := metadata.AppendToOutgoingContext(t.Context(), "x-request-id", "of the context")
	_, _ = client.WithOptions(CallOptions{RetryFor: NoRetries}).Session(ctx, "site", "sess")
	equal(t, server.ids(), []string{"mine", "of the context"})
}

func TestAttemptHasDeadline(t *testing.T) {
	server := &fake{}
	client := server.start(t, Options{})
	if _, err := client.Session(t.Context(), "site", "sess"); err != nil || server.left < 5*time.Second || server.left > 10*time.Second {
		t.Errorf("%v, a deadline in %v", err, server.left)
	}
	if _, err := client.EraseVisitor(t.Context(), "site", nil); err != nil || server.left < time.Minute || server.left > 2*time.Minute {
		t.Errorf("%v, a deadline in %v", err, server.left)
	}
}

func TestInterceptors(t *testing.T) {
	server := &fake{fail: func(call int) error {
		if call == 1 {
			return unavailable(0)
		}
		return nil
	}}
	var seen []string
	trace := func(ctx context.Context, method string, request, answer any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
		seen = append(seen, method)
		return invoke(metadata.AppendToOutgoingContext(ctx, "traceparent", "00-1-2-01"), method, request, answer, connection, options...)
	}
	client := server.start(t, Options{DialOptions: []grpc.DialOption{grpc.WithUnaryInterceptor(trace)}})
	if _, err := client.Session(t.Context(), "site", "sess"); err != nil {
		t.Fatal(err)
	}
	equal(t, seen, []string{SessionService_GetSession_FullMethodName, SessionService_GetSession_FullMethodName})
	equal(t, server.headers.Get("traceparent"), []string{"00-1-2-01"})
}

func TestClosedClient(t *testing.T) {
	server := &fake{}
	client := server.start(t, Options{})
	if err := errors.Join(client.Close(), client.Close()); err != nil {
		t.Error(err)
	}
	for name, err := range every(t.Context(), client) {
		failed := (*Error)(nil)
		if !errors.As(err, &failed) || failed.Code != codes.Canceled || failed.Message != "the client is closed" || failed.RequestID == "" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if calls := len(server.ids()); calls != 0 {
		t.Errorf("%d calls", calls)
	}
}

func TestClosedClientInACall(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	var client *Client
	server := &fake{fail: func(int) error {
		_ = client.Close()
		<-release
		return nil
	}}
	client = server.start(t, Options{})
	_, err := client.Session(t.Context(), "site", "sess")
	if failed := (*Error)(nil); !errors.As(err, &failed) || failed.Message != "the client is closed" {
		t.Errorf("got %v", err)
	}
}

func TestPageSize(t *testing.T) {
	server := &fake{}
	client := server.start(t, Options{})
	for _, size := range []int32{0, 7} {
		_, err := client.Sessions(t.Context(), "site", &ListSessionsRequest{Limit: size, Cursor: "c"}).Page()
		_, other := client.Events(t.Context(), "site", "sess", &GetSessionRequest{EventsLimit: size, EventsCursor: "c"}).Page()
		if err != nil || other != nil {
			t.Error(err, other)
		}
	}
	lists, gets := server.listed, server.got
	if lists[0].Limit != 100 || lists[1].Limit != 7 || lists[0].Cursor != "c" {
		t.Errorf("asked %v", lists)
	}
	if gets[0].EventsLimit != 0 || gets[1].EventsLimit != 7 || gets[0].EventsCursor != "c" {
		t.Errorf("asked %v", gets)
	}
}

func TestEraseVisitor(t *testing.T) {
	server := &fake{}
	client := server.start(t, Options{})
	for _, visitor := range []*EraseVisitorRequest{{VisitorId: "anna"}, {ClientIp: "192.0.2.1", UserAgent: "Mozilla/5.0"}} {
		if _, err := client.EraseVisitor(t.Context(), "site", visitor); err != nil {
			t.Fatal(err)
		}
		want := proto.CloneOf(visitor)
		want.WebsiteId = "site"
		if got := server.erased[len(server.erased)-1]; !proto.Equal(got, want) || visitor.WebsiteId != "" {
			t.Errorf("sent %v, want %v", got, want)
		}
	}
}

func TestStreamReopens(t *testing.T) {
	for name, end := range map[string]error{"lost": unavailable(0), "ended": io.EOF} {
		t.Run(name, func(t *testing.T) {
			server := &fake{fail: func(call int) error {
				if call == 2 {
					return end
				}
				return nil
			}}
			var done []int
			for recorded, err := range server.start(t, Options{}).Stream(t.Context(), "site", events(2_500)) {
				if err != nil {
					t.Fatal(err)
				}
				done = append(done, recorded.Accepted)
			}
			equal(t, done, []int{1_000, 2_000, 2_500})
			var numbers []int64
			for _, request := range server.streamed {
				numbers = append(numbers, request.Batch)
			}
			equal(t, numbers[len(numbers)-2:], []int64{1, 2})
			if !proto.Equal(server.streamed[1], server.streamed[len(server.streamed)-2]) {
				t.Error("the batch was not the same the second time")
			}
		})
	}
}

func TestStreamFailure(t *testing.T) {
	server := &fake{fail: func(call int) error {
		if call == 2 {
			return status.Error(codes.InvalidArgument, "no")
		}
		return nil
	}}
	var last Recorded
	var failed error
	for last, failed = range server.start(t, Options{}).Stream(t.Context(), "site", events(2_500)) {
	}
	if last.Accepted != 1_000 || !errors.Is(failed, ErrInvalidArgument) {
		t.Errorf("got %v, %v", last, failed)
	}
}

func TestSourcesThatFail(t *testing.T) {
	broken := errors.New("broken")
	source := func(yield func(*Event, error) bool) {
		for event := range events(1_500) {
			if !yield(event, nil) {
				return
			}
		}
		yield(nil, broken)
	}
	client := (&fake{}).start(t, Options{})
	if recorded, err := client.RecordFrom(t.Context(), "site", source); err != broken || recorded.Accepted != 1_000 {
		t.Errorf("got %v, %v", recorded, err)
	}
	var failed error
	for _, failed = range client.StreamFrom(t.Context(), "site", source) {
	}
	if failed != broken {
		t.Errorf("got %v", failed)
	}
}

func TestRecordRepeatsTheSame(t *testing.T) {
	server := &fake{record: func(call int, request *RecordEventsRequest) (*RecordEventsResponse, error) {
		if call%2 == 1 {
			return nil, unavailable(time.Millisecond)
		}
		return &RecordEventsResponse{NewEvents: int32(len(request.Events)) - 1, KnownEvents: 1}, nil
	}}
	sent := slices.Collect(events(2_500))
	sent[1].EventId = "mine"
	sent[2].Timestamp = timestamppb.New(time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC))
	recorded, err := server.start(t, Options{}).Record(t.Context(), "site", slices.Values(sent))
	if want := (Recorded{2_500}); err != nil || recorded != want {
		t.Errorf("got %v, %v, want %v", recorded, err, want)
	}
	ids, sizes := map[string]bool{}, []int{}
	for i, batch := range server.records() {
		if sizes = append(sizes, len(batch.Events)); i%2 == 1 && !proto.Equal(batch, server.records()[i-1]) {
			t.Errorf("batch %d was not the same the second time", i/2)
		}
		for _, event := range batch.Events {
			if ids[event.EventId] = true; event.EventId == "" || time.Since(event.Timestamp.AsTime()) < 0 {
				t.Fatalf("sent %v", event)
			}
		}
	}
	equal(t, sizes, []int{1_000, 1_000, 1_000, 1_000, 500, 500})
	if first := server.records()[0].Events; len(ids) != 2_500 || first[1].EventId != "mine" || !proto.Equal(first[2].Timestamp, sent[2].Timestamp) {
		t.Errorf("%d ids; the caller's were not kept", len(ids))
	}
	if sent[0].EventId != "" || sent[0].Timestamp != nil {
		t.Errorf("the caller's event became %v", sent[0])
	}
}

func TestRecordBatches(t *testing.T) {
	server := &fake{}
	large := func(yield func(*Event) bool) {
		for range 1_000 {
			if !yield(&Event{Url: strings.Repeat("x", 8_000)}) {
				return
			}
		}
	}
	recorded, err := server.start(t, Options{}).Record(t.Context(), "site", large)
	if err != nil || recorded.Accepted != 1_000 {
		t.Errorf("got %v, %v", recorded, err)
	}
	for i, batch := range server.records() {
		if size := proto.Size(batch); size > mostBytes+100 || i < len(server.records())-1 && size < mostBytes-10_000 {
			t.Errorf("batch %d has %d bytes", i, size)
		}
	}
}

func TestRecordFailure(t *testing.T) {
	server := &fake{record: func(call int, request *RecordEventsRequest) (*RecordEventsResponse, error) {
		if call == 3 {
			return nil, status.Error(codes.InvalidArgument, "events[7].url: is too long")
		}
		return &RecordEventsResponse{NewEvents: 990, KnownEvents: 10}, nil
	}}
	recorded, err := server.start(t, Options{}).Record(t.Context(), "site", events(5_000))
	if want := (Recorded{2_000}); recorded != want || !errors.Is(err, ErrInvalidArgument) {
		t.Errorf("got %v, %v", recorded, err)
	}
	if err == nil || !strings.Contains(err.Error(), "after 2000 recorded events") || len(server.records()) != 3 {
		t.Errorf("got %v after %d batches", err, len(server.records()))
	}
}

func TestNoEvents(t *testing.T) {
	server := &fake{}
	recorded, err := server.start(t, Options{}).Record(t.Context(), "site", events(0))
	if err != nil || recorded != (Recorded{}) || len(server.records()) != 0 {
		t.Errorf("got %v, %v, %d calls", recorded, err, len(server.records()))
	}
}

func TestNilEventsAreLeftToTheServer(t *testing.T) {
	server := &fake{}
	if recorded, err := server.start(t, Options{}).Record(t.Context(), "site", slices.Values([]*Event{nil})); err != nil || recorded.Accepted != 1 {
		t.Errorf("got %v, %v", recorded, err)
	}
}

func TestCancelEndsAPauseAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := &fake{list: func(int, *ListSessionsRequest) (*ListSessionsResponse, error) {
		time.AfterFunc(50*time.Millisecond, cancel)
		return nil, unavailable(20 * time.Second)
	}}
	begin := time.Now()
	_, err := listed(ctx, server.start(t, Options{}), nil)
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 15*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

func TestCancelEndsACallAtOnce(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	server := &fake{record: func(int, *RecordEventsRequest) (*RecordEventsResponse, error) {
		cancel()
		<-release
		return nil, nil
	}}
	begin := time.Now()
	_, err := server.start(t, Options{Timeout: time.Minute}).Record(ctx, "site", events(1))
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 15*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

func TestTheCallersDeadlineCounts(t *testing.T) {
	server := &fake{record: func(int, *RecordEventsRequest) (*RecordEventsResponse, error) { return nil, unavailable(0) }}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	begin := time.Now()
	_, err := server.start(t, Options{}).Record(ctx, "site", events(1))
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrDeadlineExceeded) || time.Since(begin) > 15*time.Second {
		t.Errorf("got %v after %v", err, time.Since(begin))
	}
}

func TestRetryDeadlineOfAnAttempt(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	server := &fake{record: func(call int, _ *RecordEventsRequest) (*RecordEventsResponse, error) {
		if call == 1 {
			<-release
		}
		return &RecordEventsResponse{KnownEvents: 1}, nil
	}}
	recorded, err := server.start(t, Options{Timeout: 300 * time.Millisecond}).Record(t.Context(), "site", events(1))
	if err != nil || recorded.Accepted != 1 || len(server.records()) < 2 {
		t.Errorf("got %v, %v after %d calls", recorded, err, len(server.records()))
	}
}

func TestTls(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux takes the authorities to trust from SSL_CERT_FILE")
	}
	lent := httptest.NewTLSServer(nil) // for its certificate
	defer lent.Close()
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: lent.Certificate().Raw})
	trusted := filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(trusted, block, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SSL_CERT_FILE", trusted)
	server := &fake{}
	target := server.start(t, Options{}, grpc.Creds(credentials.NewServerTLSFromCert(&lent.TLS.Certificates[0]))).connection.Target()
	client := open(t, Options{Address: "https://" + target, Key: "spk_test"})
	if recorded, err := client.Record(t.Context(), "site", events(1)); err != nil || recorded.Accepted != 1 {
		t.Errorf("got %v, %v", recorded, err)
	}
}

func TestLostConnection(t *testing.T) {
	client, links := throughLinks(t, Options{})
	for range 3 {
		if recorded, err := client.Record(t.Context(), "site", events(1)); err != nil || recorded.Accepted != 1 {
			t.Fatalf("got %v, %v", recorded, err)
		}
		_ = (<-links).Close()
	}
}

func TestDeadConnection(t *testing.T) {
	for name, call := range map[string]func(*Client) error{
		"reading": func(client *Client) error {
			_, err := listed(t.Context(), client, nil)
			return err
		},
		"recording": func(client *Client) error {
			_, err := client.Record(t.Context(), "site", events(1))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // it waits most of the time, for 15 s
			client, links := throughLinks(t, Options{})
			for range 2 {
				if err := call(client); err != nil {
					t.Fatal(err)
				}
				if len(links) > 0 {
					(<-links).dead.Store(true)
				}
			}
		})
	}
}

func TestUnansweredConnecting(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux is known to answer nobody where too many wait")
	}
	t.Parallel() // it waits most of the time, for 6 s
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	raw, err := listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := raw.Control(func(fd uintptr) { _ = syscall.Listen(int(fd), 0) }); err != nil {
		t.Fatal(err)
	}
	only, err := net.Dial("tcp", listener.Addr().String()) // fills the queue, as nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = only.Close() }()
	options := Options{Address: listener.Addr().String(), Key: "spk", Timeout: time.Minute, RetryFor: 6 * time.Second}
	begin := time.Now()
	_, err = open(t, options).Session(t.Context(), "site", "sess")
	if took := time.Since(begin); !errors.Is(err, ErrUnavailable) || took < 5*time.Second {
		t.Errorf("got %v after %v", err, took)
	}
}

// link is a connection that can be cut, or swallow what is sent.
type link struct {
	net.Conn
	dead atomic.Bool
}

// throughLinks is a client of a fake, and the connections that it made.
func throughLinks(t *testing.T, options Options) (*Client, <-chan *link) {
	t.Helper()
	server := &fake{list: func(int, *ListSessionsRequest) (*ListSessionsResponse, error) { return page(""), nil }}
	target := server.start(t, Options{}).connection.Target()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	links := make(chan *link, 100)
	go func() {
		for near, err := listener.Accept(); err == nil; near, err = listener.Accept() {
			if far, err := net.Dial("tcp", target); err == nil {
				made := &link{Conn: near}
				links <- made
				go made.pass(far, near)
				go made.pass(near, far)
			}
		}
	}()
	options.Address, options.Key = listener.Addr().String(), "spk_test"
	return open(t, options), links
}

// pass copies until one side closes, and then closes the other.
func (l *link) pass(to io.WriteCloser, from io.Reader) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 4096)
	for {
		count, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !l.dead.Load() {
			_, _ = to.Write(buffer[:count])
		}
	}
}

// events are that many pageviews without id and timestamp.
func events(count int) func(func(*Event) bool) {
	return func(yield func(*Event) bool) {
		for i := range count {
			if !yield(&Event{EventType: "pageview", VisitorId: fmt.Sprint("visitor-", i), Url: "/"}) {
				return
			}
		}
	}
}

// exportingOnce is an export of four sessions, two in an answer; it fails once, after the first answer.
func exportingOnce(failure error) func(int, *ExportSessionsRequest, func(*ExportSessionsResponse) error) error {
	return func(call int, request *ExportSessionsRequest, send func(*ExportSessionsResponse) error) error {
		at := 0
		if request.Cursor != "" {
			at = 2
		}
		for ; at < 4; at += 2 {
			if err := send(exported("abcd"[at:at+2], strconv.Itoa(at+2), at+2)); err != nil {
				return err
			}
			if call == 1 {
				return failure
			}
		}
		return send(&ExportSessionsResponse{Sessions: 4, IsLast: true})
	}
}

// exported is an answer with a session for each letter.
func exported(letters, cursor string, sessions int) *ExportSessionsResponse {
	answer := &ExportSessionsResponse{Cursor: cursor, Sessions: int32(sessions)}
	for _, letter := range letters {
		session := &Session{SessionId: string(letter)}
		answer.Items = append(answer.Items, &ExportItem{Kind: &ExportItem_Session{Session: session}})
	}
	return answer
}

func TestExportResumes(t *testing.T) {
	for name, failure := range map[string]error{
		"lost": unavailable(0), "reset": status.Error(codes.Internal, "RST_STREAM"), "ended": nil,
	} {
		t.Run(name, func(t *testing.T) {
			server := &fake{export: exportingOnce(failure)}
			var ids []string
			for item, err := range server.start(t, Options{}).ExportSessions(t.Context(), "site", nil).All() {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, item.GetSession().GetSessionId())
			}
			equal(t, ids, []string{"a", "b", "c", "d"})
			var cursors []string
			for _, request := range server.exports {
				cursors = append(cursors, request.Cursor)
			}
			equal(t, cursors, []string{"", "2"})
		})
	}
}

func TestExportFailure(t *testing.T) {
	lacking := func(_ int, _ *ExportSessionsRequest, send func(*ExportSessionsResponse) error) error {
		return errors.Join(send(exported("ab", "2", 2)), send(exported("d", "", 4)))
	}
	for code, export := range map[codes.Code]func(int, *ExportSessionsRequest, func(*ExportSessionsResponse) error) error{
		codes.InvalidArgument: exportingOnce(status.Error(codes.InvalidArgument, "no")),
		codes.DataLoss:        lacking,
	} {
		server := &fake{export: export}
		var last error
		for _, last = range server.start(t, Options{}).ExportSessions(t.Context(), "site", nil).All() {
		}
		var failed *Error
		if !errors.As(last, &failed) || failed.Code != code {
			t.Errorf("got %v, want %v", last, code)
		}
	}
}
