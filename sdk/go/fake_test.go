package sessions

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
)

// fake is a server on loopback that answers as its functions say, and keeps what it was asked.
type fake struct {
	UnimplementedSessionServiceServer
	UnimplementedEventServiceServer
	UnimplementedVisitorServiceServer
	fail   func(call int) error // of any method; io.EOF ends a stream well
	list   func(call int, request *ListSessionsRequest) (*ListSessionsResponse, error)
	record func(call int, request *RecordEventsRequest) (*RecordEventsResponse, error)
	export func(call int, request *ExportSessionsRequest, send func(*ExportSessionsResponse) error) error

	positions []string // what the next answers say of what was recorded

	mutex    sync.Mutex
	listed   []*ListSessionsRequest
	got      []*GetSessionRequest
	exports  []*ExportSessionsRequest
	recorded []*RecordEventsRequest
	streamed []*StreamEventsRequest
	erased   []*EraseVisitorRequest
	times    []time.Time
	requests []string
	headers  metadata.MD
	left     time.Duration // until the deadline of the last call
}

func (f *fake) ListSessions(ctx context.Context, request *ListSessionsRequest) (*ListSessionsResponse, error) {
	call, err := keep(ctx, f, &f.listed, request)
	if f.list != nil {
		return f.list(call, request)
	}
	return page(""), err
}

func (f *fake) GetSession(ctx context.Context, request *GetSessionRequest) (*GetSessionResponse, error) {
	_, err := keep(ctx, f, &f.got, request)
	return &GetSessionResponse{}, err
}

func (f *fake) ExportSessions(
	request *ExportSessionsRequest, stream grpc.ServerStreamingServer[ExportSessionsResponse],
) error {
	call, err := keep(stream.Context(), f, &f.exports, request)
	if f.export != nil {
		return f.export(call, request, stream.Send)
	}
	return err
}

func (f *fake) RecordEvents(ctx context.Context, request *RecordEventsRequest) (*RecordEventsResponse, error) {
	call, err := keep(ctx, f, &f.recorded, request)
	if f.record != nil {
		return f.record(call, request)
	}
	return &RecordEventsResponse{NewEvents: int32(len(request.Events))}, err
}

func (f *fake) StreamEvents(stream grpc.BidiStreamingServer[StreamEventsRequest, StreamEventsResponse]) error {
	for {
		request, err := stream.Recv()
		if err == nil {
			_, err = keep(stream.Context(), f, &f.streamed, request)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := stream.Send(&StreamEventsResponse{Batch: request.Batch}); err != nil {
			return err
		}
	}
}

func (f *fake) EraseVisitor(ctx context.Context, request *EraseVisitorRequest) (*EraseVisitorResponse, error) {
	_, err := keep(ctx, f, &f.erased, request)
	return &EraseVisitorResponse{}, err
}

// keep adds to what was asked; it returns how many calls of the method there were by now, and how
// the call is to fail.
func keep[Q proto.Message](ctx context.Context, f *fake, kept *[]Q, request Q) (int, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.headers, _ = metadata.FromIncomingContext(ctx)
	f.times = append(f.times, time.Now())
	f.requests = append(f.requests, f.headers.Get("x-request-id")...)
	if len(f.positions) > 0 {
		if err := grpc.SetHeader(ctx, metadata.Pairs("x-sessions-position", f.positions[0])); err != nil {
			return 0, err
		}
		f.positions = f.positions[1:]
	}
	deadline, _ := ctx.Deadline()
	f.left = time.Until(deadline)
	*kept = append(*kept, proto.CloneOf(request))
	if f.fail != nil {
		return len(*kept), f.fail(len(f.times))
	}
	return len(*kept), nil
}

// ids are the request ids of the calls that came.
func (f *fake) ids() []string {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.requests)
}

// lists are the requests for pages that came.
func (f *fake) lists() []*ListSessionsRequest {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.listed)
}

// records are the batches that came.
func (f *fake) records() []*RecordEventsRequest {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return slices.Clone(f.recorded)
}

// pauses are the times between the calls that came.
func (f *fake) pauses() []time.Duration {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	var found []time.Duration
	for i := range len(f.times) - 1 {
		found = append(found, f.times[i+1].Sub(f.times[i]))
	}
	return found
}

// start serves until the test ends, and returns a client of it.
func (f *fake) start(t *testing.T, options Options, serving ...grpc.ServerOption) *Client {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(serving...)
	RegisterSessionServiceServer(server, f)
	RegisterEventServiceServer(server, f)
	RegisterVisitorServiceServer(server, f)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	options.Address, options.Key = listener.Addr().String(), "spk_test"
	return open(t, options)
}

// open makes a client that is closed when the test ends.
func open(t *testing.T, options Options) *Client {
	t.Helper()
	client, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// page is an answer with sessions; without a next cursor it is the last.
func page(next string, ids ...string) *ListSessionsResponse {
	answer := &ListSessionsResponse{NextCursor: structpb.NewNullValue()}
	if next != "" {
		answer.NextCursor = structpb.NewStringValue(next)
	}
	for _, id := range ids {
		answer.Sessions = append(answer.Sessions, &Session{SessionId: id})
	}
	return answer
}

// unavailable is that error, with RetryInfo if there is a delay.
func unavailable(after time.Duration) error {
	failed := status.New(codes.Unavailable, "the service is unavailable, try again")
	if after > 0 {
		failed, _ = failed.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	}
	return failed.Err()
}

// listed returns the ids of all sessions, and the error that ended the walk.
func listed(ctx context.Context, client *Client, filter *ListSessionsRequest) ([]string, error) {
	var ids []string
	for session, err := range client.Sessions(ctx, "site", filter).All() {
		if err != nil {
			return ids, err
		}
		ids = append(ids, session.SessionId)
	}
	return ids, nil
}

func equal[T comparable](t *testing.T, got, want []T) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
