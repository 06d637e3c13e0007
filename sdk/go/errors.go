package sessions

import (
	"context"
	"fmt"
	"strings"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// For errors.Is: each matches every Error of its code.
var (
	ErrInvalidArgument  error = sentinel(codes.InvalidArgument)
	ErrUnauthenticated  error = sentinel(codes.Unauthenticated)
	ErrPermissionDenied error = sentinel(codes.PermissionDenied)
	ErrNotFound         error = sentinel(codes.NotFound)
	ErrUnavailable      error = sentinel(codes.Unavailable)
	ErrDeadlineExceeded error = sentinel(codes.DeadlineExceeded)
)

type sentinel codes.Code

func (s sentinel) Error() string { return "sessions: " + codes.Code(s).String() }

// Error is why a call failed. Codes DeadlineExceeded and Canceled also match context's errors.
type Error struct {
	Code       codes.Code
	Message    string
	Reason     string  // a name of ErrorReason; empty where the server gave none
	Fields     []Field // those of the request that are wrong
	RequestID  string  // names the call in the server's log; empty where there was no answer
	retryAfter time.Duration
	status     *status.Status
}

// Field is a part of the request, such as events[3].url, and what is wrong with it.
type Field struct{ Name, Description string }

func (e *Error) Error() string {
	known := strings.TrimSpace(e.Reason + " " + e.RequestID)
	return strings.TrimSuffix(fmt.Sprintf("sessions: %s: %s (%s)", e.Code, e.Message, known), " ()")
}

// Is reports whether target stands for the error's code.
func (e *Error) Is(target error) bool {
	return target == error(sentinel(e.Code)) ||
		e.Code == codes.DeadlineExceeded && target == context.DeadlineExceeded ||
		e.Code == codes.Canceled && target == context.Canceled
}

// GRPCStatus is what the server sent, for status.FromError and status.Code.
func (e *Error) GRPCStatus() *status.Status { return e.status }

// newError reads a failed call; it is nil where the call did not fail.
func newError(err error, answered metadata.MD) *Error {
	if err == nil {
		return nil
	}
	got := status.Convert(err)
	e := &Error{Code: got.Code(), Message: got.Message(), status: got}
	if ids := answered.Get("x-request-id"); len(ids) > 0 {
		e.RequestID = ids[0]
	}
	for _, detail := range got.Details() {
		switch d := detail.(type) {
		case *errdetails.ErrorInfo:
			e.Reason = d.Reason
		case *errdetails.RetryInfo:
			e.retryAfter = max(0, d.RetryDelay.AsDuration())
		case *errdetails.BadRequest:
			for _, violation := range d.FieldViolations {
				e.Fields = append(e.Fields, Field{violation.Field, violation.Description})
			}
		}
	}
	return e
}
