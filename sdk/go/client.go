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
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
)

// Version is the version of this SDK and of the service that it was made for.
const Version = "0.1.0"

// NoRetries as Options.RetryFor: what failed is not tried again.
const NoRetries time.Duration = -1

const firstPause, longestPause = 100 * time.Millisecond, 2 * time.Second

// Options are where and how to call; the zero value takes everything from the environment.
type Options struct {
	Address  string        // http://host:port, https://host[:port], host:port; or $SESSIONS_ADDRESS
	Key      string        // default: $SESSIONS_KEY
	Timeout  time.Duration // how long one attempt may take; default: 10 s
	RetryFor time.Duration // until when a call is tried again, from its start; default: 30 s
}

// Client calls the API; it may be used by many goroutines at once.
type Client struct{ connection *grpc.ClientConn }

// New makes a client. It connects with the first call, so its only errors are those of options.
func New(options Options) (*Client, error) {
	options.Address = cmp.Or(options.Address, os.Getenv("SESSIONS_ADDRESS"))
	options.Key = cmp.Or(options.Key, os.Getenv("SESSIONS_KEY"))
	options.Timeout = cmp.Or(options.Timeout, 10*time.Second)
	options.RetryFor = cmp.Or(options.RetryFor, 30*time.Second)
	if options.Key == "" {
		return nil, errors.New("sessions: no key: set SESSIONS_KEY or Options.Key")
	}
	target, security, err := parse(options.Address)
	if err != nil {
		return nil, err
	}
	pauses := backoff.Config{BaseDelay: firstPause, Multiplier: 2, MaxDelay: longestPause}
	connecting := min(options.Timeout/2, 5*time.Second) // given up while its call still waits
	pings := keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}
	connection, err := grpc.NewClient(target,
		grpc.WithTransportCredentials(security),
		grpc.WithUserAgent("analytics-sessions-go/"+Version),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: connecting}),
		grpc.WithKeepaliveParams(pings),
		grpc.WithDisableServiceConfig(),
		grpc.WithUnaryInterceptor(options.try))
	if err != nil {
		return nil, fmt.Errorf("sessions: address %q: %w", options.Address, err)
	}
	return &Client{connection}, nil
}

// Close closes the connection; calls in flight fail.
func (c *Client) Close() error { return c.connection.Close() }

// parse splits an address into what gRPC dials and how it is secured.
func parse(address string) (string, credentials.TransportCredentials, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + address
	}
	u, err := url.Parse(full)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RequestURI() != "/":
	case u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")), credentials.NewTLS(nil), nil
	case u.Scheme == "http" && u.Port() != "":
		return u.Host, insecure.NewCredentials(), nil
	}
	return "", nil, errors.New("sessions: set SESSIONS_ADDRESS or Options.Address to " +
		"http://host:port or https://host[:port], not to " + strconv.Quote(address))
}

// try makes a call until there is an answer, an error that no retry cures, or no time left.
func (o Options) try(
	ctx context.Context, method string, request, answer any,
	connection *grpc.ClientConn, invoke grpc.UnaryInvoker, settings ...grpc.CallOption,
) error {
	ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+o.Key)
	for begin, pause := time.Now(), firstPause; ; pause = min(2*pause, longestPause) {
		var header, trailer metadata.MD
		all := append(settings, grpc.Header(&header), grpc.Trailer(&trailer))
		limited, cancel := context.WithTimeout(ctx, o.Timeout)
		err := invoke(limited, method, request, answer, connection, all...)
		cancel()
		if err == nil {
			return nil
		}
		failed := newError(err, metadata.Join(header, trailer))
		late := failed.Code == codes.DeadlineExceeded && ctx.Err() == nil
		recording := method == EventService_RecordEvents_FullMethodName // of events that have ids
		again := failed.Code == codes.Unavailable || late && recording
		wait := cmp.Or(failed.RetryAfter, pause)
		wait += rand.N(wait/2 + 1)
		if !again || time.Since(begin)+wait >= o.RetryFor {
			return failed
		}
		paused, end := context.WithTimeout(ctx, wait)
		<-paused.Done()
		end()
	}
}
