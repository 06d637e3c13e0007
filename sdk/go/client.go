// Package sessions reads and records the sessions of websites with the Sessions API.
package sessions

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Version is the version of this SDK and of the service that it was made for.
const Version = "0.1.0"

// NoRetries as Options.RetryFor: what failed is not tried again.
const NoRetries time.Duration = -1

const firstPause, longestPause = 100 * time.Millisecond, 2 * time.Second

// Options are where and how to call; the zero value takes everything from the environment.
type Options struct {
	Address  string        // http://host:port, https://host[:port] or host:port; default: $SESSIONS_ADDRESS
	Key      string        // default: $SESSIONS_KEY
	Timeout  time.Duration // how long one attempt may take; default: 10 s
	RetryFor time.Duration // until when a call is tried again, from its first attempt; default: 30 s
}

// Client calls the API; it may be used by many goroutines at once.
type Client struct {
	options    Options
	connection *grpc.ClientConn
	reads      SessionServiceClient
	writes     EventServiceClient
}

// New makes a client. It connects with the first call, so its only errors are those of options.
func New(options Options) (*Client, error) {
	options.Address = cmp.Or(options.Address, os.Getenv("SESSIONS_ADDRESS"))
	options.Key = cmp.Or(options.Key, os.Getenv("SESSIONS_KEY"))
	options.Timeout = cmp.Or(options.Timeout, 10*time.Second)
	options.RetryFor = cmp.Or(options.RetryFor, 30*time.Second)
	if options.Address == "" {
		return nil, errors.New("sessions: no address: set SESSIONS_ADDRESS or Options.Address")
	}
	if options.Key == "" {
		return nil, errors.New("sessions: no key: set SESSIONS_KEY or Options.Key")
	}
	target, security, err := parse(options.Address)
	if err != nil {
		return nil, err
	}
	pauses := backoff.Config{BaseDelay: firstPause, Multiplier: 2, Jitter: 0.2, MaxDelay: longestPause}
	connection, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(security),
		grpc.WithUserAgent("analytics-sessions-go/"+Version),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: 5 * time.Second}),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}),
		grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, fmt.Errorf("sessions: address %q: %w", options.Address, err)
	}
	return &Client{options, connection, NewSessionServiceClient(connection), NewEventServiceClient(connection)}, nil
}

// Close closes the connection; calls in flight fail.
func (c *Client) Close() error { return c.connection.Close() }

// parse splits an address into what gRPC dials and how it is secured.
func parse(address string) (string, credentials.TransportCredentials, error) {
	if !strings.Contains(address, "://") {
		address = "http://" + address
	}
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || strings.Trim(u.RequestURI(), "/") != "":
	case u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")), credentials.NewTLS(nil), nil
	case u.Scheme == "http" && u.Port() != "":
		return u.Host, insecure.NewCredentials(), nil
	}
	return "", nil, fmt.Errorf("sessions: address %q is not http://host:port, https://host[:port] or host:port", address)
}

type method[Q, A any] func(context.Context, Q, ...grpc.CallOption) (A, error)

// call tries until there is an answer, an error that no retry cures, or no time left.
func call[Q, A any](ctx context.Context, c *Client, do method[Q, A], request Q, curable ...codes.Code) (A, error) {
	for begin, pause := time.Now(), firstPause; ; pause = min(2*pause, longestPause) {
		answer, failed := attempt(ctx, c, do, request)
		if failed == nil {
			return answer, nil
		}
		wait := cmp.Or(failed.retryAfter, pause)
		wait += rand.N(wait/5 + 1)
		if !slices.Contains(curable, failed.Code) || time.Since(begin)+wait > c.options.RetryFor {
			return answer, failed
		}
		select {
		case <-ctx.Done():
			ended := status.FromContextError(ctx.Err())
			return answer, newError(status.Errorf(ended.Code(), "%s, after %v", ended.Message(), failed), nil)
		case <-time.After(wait):
		}
	}
}

// attempt calls once, within the deadlines of the client and of the caller.
func attempt[Q, A any](ctx context.Context, c *Client, do method[Q, A], request Q) (A, *Error) {
	limited, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	limited = metadata.AppendToOutgoingContext(limited, "authorization", "Bearer "+c.options.Key)
	var header, trailer metadata.MD
	answer, err := do(limited, request, grpc.Header(&header), grpc.Trailer(&trailer))
	return answer, newError(err, metadata.Join(header, trailer))
}
