package sessions

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// For errors.Is: each matches every Error of its code.
var (
	ErrInvalidArgument   error = sentinel(codes.InvalidArgument)
	ErrUnauthenticated   error = sentinel(codes.Unauthenticated)
	ErrPermissionDenied  error = sentinel(codes.PermissionDenied)
	ErrNotFound          error = sentinel(codes.NotFound)
	ErrResourceExhausted error = sentinel(codes.ResourceExhausted)
	ErrUnavailable       error = sentinel(codes.Unavailable)
	ErrDeadlineExceeded  error = sentinel(codes.DeadlineExceeded)
)

type sentinel codes.Code

func (s sentinel) Error() string { return "sessions: " + codes.Code(s).String() }

// Error is why a call failed. Codes DeadlineExceeded and Canceled also match context's errors.
type Error struct {
	Code    codes.Code
	Message string
	// A name of ErrorReason; empty where the server gave none.
	Reason string
	// The fields of the request that are wrong, such as events[3].url, and what is wrong with them.
	Fields []*errdetails.BadRequest_FieldViolation
	// Names the call in the service's log, as the client sent it.
	RequestID string
	// How long the server asks to wait; 0 where it does not.
	RetryAfter time.Duration
}

func (e *Error) Error() string { return fmt.Sprintf("sessions: %s: %s", e.Code, e.Message) }

// Is reports whether target stands for the error's code.
func (e *Error) Is(target error) bool {
	ofContext := status.FromContextError(target).Code() // Unknown where the target is none
	return target == error(sentinel(e.Code)) || e.Code == ofContext && e.Code != codes.Unknown
}

// newError reads why a call failed.
func newError(err error, answered metadata.MD) *Error {
	got := status.Convert(err)
	e := &Error{Code: got.Code(), Message: got.Message()}
	e.RequestID = append(answered.Get("x-request-id"), "")[0]
	for _, detail := range got.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			e.Reason = d.Reason
		case *errdetails.BadRequest:
			e.Fields = d.FieldViolations
		case *errdetails.RetryInfo:
			e.RetryAfter = max(0, d.RetryDelay.AsDuration())
		}
	}
	return e
}
