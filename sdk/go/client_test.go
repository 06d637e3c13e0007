package sessions

import (
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestOptionsComeFromTheEnvironment(t *testing.T) {
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

func TestMissingOptionsAreNamed(t *testing.T) {
	for _, variable := range []string{"SESSIONS_ADDRESS", "SESSIONS_KEY"} {
		t.Setenv("SESSIONS_ADDRESS", "sessions.example:8080")
		t.Setenv("SESSIONS_KEY", "spk_environment")
		t.Setenv(variable, "")
		if _, err := New(Options{}); err == nil || !strings.Contains(err.Error(), "set "+variable) {
			t.Errorf("got %v, want %s named", err, variable)
		}
	}
}

func TestAddresses(t *testing.T) {
	for address, want := range map[string]string{
		"http://sessions.example:8080":  "sessions.example:8080 insecure",
		"http://sessions.example:8080/": "sessions.example:8080 insecure",
		"sessions.example:8080":         "sessions.example:8080 insecure",
		"[::1]:8080":                    "[::1]:8080 insecure",
		"https://sessions.example":      "sessions.example:443 tls",
		"https://sessions.example:8443": "sessions.example:8443 tls",
		"https://[::1]":                 "[::1]:443 tls",
	} {
		target, security, err := parse(address)
		if err != nil || target+" "+security.Info().SecurityProtocol != want {
			t.Errorf("%s: got %s, %v, want %s", address, target, err, want)
		}
	}
	for _, address := range []string{"sessions.example", "http://sessions.example", "ftp://sessions.example:21",
		"http://sessions.example:8080/api", "http://sessions.example:8080?a", "http://:8080", "http://key@sessions.example:8080", "http://%"} {
		if _, err := New(Options{Address: address, Key: "spk"}); err == nil {
			t.Errorf("%s was taken", address)
		}
	}
}

func TestNothingIsAskedAhead(t *testing.T) {
	server := &fake{list: func(call int, _ *ListSessionsRequest) (*ListSessionsResponse, error) {
		return page(fmt.Sprint("after ", call), "a", "b"), nil
	}}
	client := server.start(t, Options{})
	all := client.Sessions(t.Context(), "site", nil)
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

func TestShortPagesAreNotTheEnd(t *testing.T) {
	server := &fake{list: func(call int, request *ListSessionsRequest) (*ListSessionsResponse, error) {
		return []*ListSessionsResponse{page("1", "a"), page("2"), page("3", "b"), page("", "c")}[call-1], nil
	}}
	filter := &ListSessionsRequest{FilterOs: []string{"iOS", "macOS"}, StartDate: "2026-03-03", Limit: 7, WebsiteId: "other"}
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

func TestCallsSayWhoTheyAre(t *testing.T) {
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

func TestPausesDouble(t *testing.T) {
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

func TestRetryInfoIsRespected(t *testing.T) {
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

func TestErrorsTellWhatTheServerAsksFor(t *testing.T) {
	server := &fake{list: func(int, *ListSessionsRequest) (*ListSessionsResponse, error) {
		return nil, unavailable(90 * time.Second)
	}}
	_, err := listed(t.Context(), server.start(t, Options{}), nil)
	if failed := (*Error)(nil); !errors.As(err, &failed) || failed.RetryAfter != 90*time.Second {
		t.Errorf("got %v", err)
	}
}

func TestRetriesEnd(t *testing.T) {
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

func TestOnlyUnavailableIsTriedAgain(t *testing.T) {
	for code := codes.Canceled; code <= codes.Unauthenticated; code++ {
		refuse := func() error { return status.Error(code, "refused") }
		server := &fake{
			list:   func(int, *ListSessionsRequest) (*ListSessionsResponse, error) { return nil, refuse() },
			record: func(int, *RecordEventsRequest) (*RecordEventsResponse, error) { return nil, refuse() },
		}
		client := server.start(t, Options{RetryFor: time.Second})
		_, reading := listed(t.Context(), client, nil)
		_, recording := client.Record(t.Context(), "site", events(1))
		for _, err := range []error{reading, recording} {
			if failed := (*Error)(nil); !errors.As(err, &failed) || failed.Code != code {
				t.Errorf("got %v, want %v", err, code)
			}
		}
		if again := len(server.lists()) > 1; again != (code == codes.Unavailable) {
			t.Errorf("%v: reading was tried %d times", code, len(server.lists()))
		}
		if again := len(server.records()) > 1; again != (code == codes.Unavailable || code == codes.DeadlineExceeded) {
			t.Errorf("%v: recording was tried %d times", code, len(server.records()))
		}
	}
}

func TestBatchesAreSentAgainAsTheyWere(t *testing.T) {
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
	if want := (Recorded{New: 2_497, Known: 3}); err != nil || recorded != want {
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

func TestBatchesFitInARequest(t *testing.T) {
	server := &fake{}
	large := func(yield func(*Event) bool) {
		for range 1_000 {
			if !yield(&Event{Url: strings.Repeat("x", 8_000)}) {
				return
			}
		}
	}
	recorded, err := server.start(t, Options{}).Record(t.Context(), "site", large)
	if err != nil || recorded.New != 1_000 {
		t.Errorf("got %v, %v", recorded, err)
	}
	for i, batch := range server.records() {
		if size := proto.Size(batch); size > mostBytes+100 || i < len(server.records())-1 && size < mostBytes-10_000 {
			t.Errorf("batch %d has %d bytes", i, size)
		}
	}
}

func TestRecordingSaysHowFarItCame(t *testing.T) {
	server := &fake{record: func(call int, request *RecordEventsRequest) (*RecordEventsResponse, error) {
		if call == 3 {
			return nil, status.Error(codes.InvalidArgument, "events[7].url: is too long")
		}
		return &RecordEventsResponse{NewEvents: 990, KnownEvents: 10}, nil
	}}
	recorded, err := server.start(t, Options{}).Record(t.Context(), "site", events(5_000))
	if want := (Recorded{New: 1_980, Known: 20}); recorded != want || !errors.Is(err, ErrInvalidArgument) {
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
	if recorded, err := server.start(t, Options{}).Record(t.Context(), "site", slices.Values([]*Event{nil})); err != nil || recorded.New != 1 {
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

func TestEachAttemptHasItsDeadline(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	server := &fake{record: func(call int, _ *RecordEventsRequest) (*RecordEventsResponse, error) {
		if call == 1 {
			<-release
		}
		return &RecordEventsResponse{KnownEvents: 1}, nil
	}}
	recorded, err := server.start(t, Options{Timeout: 300 * time.Millisecond}).Record(t.Context(), "site", events(1))
	if err != nil || recorded.Known != 1 || len(server.records()) < 2 {
		t.Errorf("got %v, %v after %d calls", recorded, err, len(server.records()))
	}
}

func TestTLS(t *testing.T) {
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
	if recorded, err := client.Record(t.Context(), "site", events(1)); err != nil || recorded.New != 1 {
		t.Errorf("got %v, %v", recorded, err)
	}
}

func TestLostConnectionsAreMadeAgain(t *testing.T) {
	client, links := throughLinks(t, Options{})
	for range 3 {
		if recorded, err := client.Record(t.Context(), "site", events(1)); err != nil || recorded.New != 1 {
			t.Fatalf("got %v, %v", recorded, err)
		}
		_ = (<-links).Close()
	}
}

func TestDeadConnectionsAreFound(t *testing.T) {
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
			client, links := throughLinks(t, Options{Timeout: 40 * time.Second, RetryFor: time.Minute})
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

func TestConnectingThatNobodyAnswersIsTriedAgain(t *testing.T) {
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
