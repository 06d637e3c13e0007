package sessions

import (
	"cmp"
	"context"
	cryptorand "crypto/rand"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

const firstPause, longestPause = 100 * time.Millisecond, 2 * time.Second

// withIDs are methods that are not idempotent as such, but whose events this client gives ids.
var withIDs = map[string]bool{
	EventService_RecordEvents_FullMethodName: true,
	EventService_StreamEvents_FullMethodName: true,
}

// message is a pointer to a message, of which new makes one.
type message[T any] interface {
	*T
	proto.Message
}

// call makes a call of a unary method until there is an answer, or no attempt would help.
func call[A any, P message[A]](
	ctx context.Context, c *Client, method string, request proto.Message,
) (P, error) {
	tries, err := c.begin(ctx, method)
	if err != nil {
		return nil, err
	}
	for {
		answer := P(new(A))
		var header, trailer metadata.MD
		limited, cancel := context.WithTimeout(tries.ctx, tries.timeout)
		err := c.connection.Invoke(limited, method, request, answer, grpc.Header(&header), grpc.Trailer(&trailer))
		cancel()
		if err == nil {
			c.position.note(header.Get(positionHeader))
			return answer, nil
		}
		if err := tries.pause(newError(err, metadata.Join(header, trailer))); err != nil {
			return nil, err
		}
	}
}

const positionHeader = "x-sessions-position"

// position is that of what a client has recorded: its later calls read from there on, or later.
type position struct {
	mutex sync.Mutex
	known string
}

func (p *position) value() string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.known
}

// note takes what an answer says; the highest counts.
func (p *position) note(told []string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.known = slices.Max(append(told, p.known))
}

// ofWebsite is a copy of the request, or an empty one where it is nil, for a website.
func ofWebsite[R any, P message[R]](request P, websiteID string) P {
	sent := proto.CloneOf(cmp.Or(request, P(new(R))))
	fields := sent.ProtoReflect()
	fields.Set(fields.Descriptor().Fields().ByName("website_id"), protoreflect.ValueOfString(websiteID))
	return sent
}

// attempts are those of one call: what they are made with, and what comes after a failure.
type attempts struct {
	client     *Client
	ctx        context.Context // the caller's, with metadata
	requestID  string
	timeout    time.Duration
	retryFor   time.Duration
	repeatable bool // doing it twice is doing it once
	started    time.Time
	wait       time.Duration
}

func (c *Client) begin(ctx context.Context, method string) (*attempts, error) {
	if c.wrong != nil {
		return nil, c.wrong
	}
	given, _ := metadata.FromOutgoingContext(ctx)
	id := cmp.Or(c.options.RequestID, append(given.Get("x-request-id"), "")[0], cryptorand.Text())
	sent := metadata.Join(given, metadata.Pairs("authorization", "Bearer "+c.key))
	sent.Set("x-request-id", id)
	if known := c.position.value(); known != "" && len(given.Get(positionHeader)) == 0 {
		sent.Set(positionHeader, known)
	}
	timeout, repeatable := policy(method)
	tries := &attempts{
		client: c, ctx: metadata.NewOutgoingContext(ctx, sent), requestID: id, repeatable: repeatable,
		timeout:  cmp.Or(c.options.Timeout, timeout),
		retryFor: cmp.Or(c.options.RetryFor, usualRetryFor),
	}
	tries.restart()
	return tries, nil
}

// policy is what the contract says of a method: how long it may take, and whether it is idempotent.
func policy(method string) (time.Duration, bool) {
	name := strings.ReplaceAll(strings.TrimPrefix(method, "/"), "/", ".")
	found, err := protoregistry.GlobalFiles.FindDescriptorByName(protoreflect.FullName(name))
	if err != nil {
		panic(err) // only names of generated code come here
	}
	options, _ := found.Options().(*descriptorpb.MethodOptions)
	declared, _ := proto.GetExtension(options, E_MethodPolicy).(*MethodPolicy)
	timeout := max(usualTimeout, time.Duration(declared.GetTimeoutSeconds())*time.Second)
	idempotent := options.GetIdempotencyLevel() != descriptorpb.MethodOptions_IDEMPOTENCY_UNKNOWN
	return timeout, idempotent || withIDs[method]
}

// restart begins with a first attempt: what was sent before is answered.
func (a *attempts) restart() { a.started, a.wait = time.Now(), firstPause }

// pauseStream is pause for a stream that goes on where it broke off. What gRPC makes of one that is
// reset counts as lost; the server's own Internal has a reason.
func (a *attempts) pauseStream(failed *Error) error {
	if failed.Code == codes.Internal && failed.Reason == "" {
		failed.Code = codes.Unavailable
	}
	return a.pause(failed)
}

// pause waits before the next attempt, or returns the error if there is to be none.
func (a *attempts) pause(failed *Error) error {
	failed.RequestID = cmp.Or(failed.RequestID, a.requestID)
	if a.client.closed.Load() {
		return &Error{Code: codes.Canceled, Message: "the client is closed", RequestID: a.requestID}
	}
	wait := cmp.Or(failed.RetryAfter, a.wait)
	wait += rand.N(wait/2 + 1)
	a.wait = min(2*a.wait, longestPause)
	if a.ctx.Err() != nil || !a.curable(failed) || time.Since(a.started)+wait >= a.retryFor {
		return failed
	}
	select {
	case <-time.After(wait):
	case <-a.ctx.Done(): // the next attempt says so
	}
	return nil
}

func (a *attempts) curable(failed *Error) bool {
	switch failed.Code {
	case codes.Unavailable, codes.DeadlineExceeded:
		return a.repeatable
	case codes.ResourceExhausted: // a limit of calls comes back; what is too large stays so
		return failed.RetryAfter > 0
	}
	return false
}
