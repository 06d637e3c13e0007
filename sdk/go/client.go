// Package sessions reads and records the sessions of websites with the Sessions API.
package sessions

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
)

// Version is the version of this SDK and of the service that it was made for.
const Version = "0.1.0"

// NoRetries as RetryFor: what failed is not tried again.
const NoRetries time.Duration = -1

const usualTimeout, usualRetryFor = 10 * time.Second, 30 * time.Second

// Options are where and how to call; the zero value takes everything from the environment.
type Options struct {
	Address  string        // http://host:port, https://host[:port], host:port; or $SESSIONS_ADDRESS
	Key      string        // default: $SESSIONS_KEY
	Timeout  time.Duration // how long one attempt may take; default: 10 s, 30 s for analyses, 120 s for erasing
	RetryFor time.Duration // until when a call is tried again, from its start; default: 30 s
	// For example grpc.WithChainUnaryInterceptor or grpc.WithStatsHandler: they see every attempt.
	DialOptions []grpc.DialOption
}

// CallOptions are what WithOptions changes; what is zero stays as it is.
type CallOptions struct {
	Timeout   time.Duration // as in Options
	RetryFor  time.Duration // as in Options
	RequestID string        // names the calls in the service's log; default: a random id for each
}

// Client calls the API; it may be used by many goroutines at once.
type Client struct {
	connection *grpc.ClientConn
	closed     *atomic.Bool
	position   *position
	key        string
	options    CallOptions
	wrong      error // what is wrong with options; calls return it
}

// New makes a client. It connects with the first call, so its only errors are those of options.
func New(options Options) (*Client, error) {
	address := cmp.Or(strings.TrimSpace(options.Address), strings.TrimSpace(os.Getenv("SESSIONS_ADDRESS")))
	key := cmp.Or(strings.TrimSpace(options.Key), strings.TrimSpace(os.Getenv("SESSIONS_KEY")))
	calls := CallOptions{Timeout: options.Timeout, RetryFor: options.RetryFor}
	if err := errors.Join(checkKey(key), calls.check()); err != nil {
		return nil, err
	}
	target, security, err := parse(address)
	if err != nil {
		return nil, err
	}
	pauses := backoff.Config{BaseDelay: firstPause, Multiplier: 2, MaxDelay: longestPause}
	connecting := min(cmp.Or(options.Timeout, usualTimeout)/2, 5*time.Second) // given up while its call still waits
	pings := keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}
	connection, err := grpc.NewClient(target, append([]grpc.DialOption{
		grpc.WithTransportCredentials(security),
		grpc.WithUserAgent("analytics-sessions-go/" + Version),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: pauses, MinConnectTimeout: connecting}),
		grpc.WithKeepaliveParams(pings),
		grpc.WithDisableServiceConfig(),
	}, options.DialOptions...)...)
	if err != nil {
		return nil, fmt.Errorf("sessions: address %q: %w", address, err)
	}
	return &Client{connection: connection, closed: new(atomic.Bool), position: new(position), key: key, options: calls}, nil
}

// WithOptions is the same client, on the same connection, with other options for the calls made
// by it. If one of them cannot be right, the calls return the error.
func (c *Client) WithOptions(options CallOptions) *Client {
	other := *c
	other.options.Timeout = cmp.Or(options.Timeout, c.options.Timeout)
	other.options.RetryFor = cmp.Or(options.RetryFor, c.options.RetryFor)
	other.options.RequestID = cmp.Or(options.RequestID, c.options.RequestID)
	other.wrong = other.options.check()
	return &other
}

// Close closes the connection; calls in flight and later ones fail with codes.Canceled.
func (c *Client) Close() error {
	if c.closed.Swap(true) {
		return nil
	}
	return c.connection.Close()
}

func (o CallOptions) check() error {
	switch {
	case o.Timeout < 0:
		return fmt.Errorf("sessions: Timeout: %v is negative", o.Timeout)
	case o.RetryFor < 0 && o.RetryFor != NoRetries:
		return fmt.Errorf("sessions: RetryFor: %v is negative, and not NoRetries", o.RetryFor)
	case !visible(o.RequestID):
		return errors.New("sessions: RequestID: has characters other than visible ASCII")
	}
	return nil
}

// checkKey does not show the key.
func checkKey(key string) error {
	switch {
	case key == "":
		return errors.New("sessions: no key: set SESSIONS_KEY or Options.Key")
	case !visible(key):
		return errors.New("sessions: key: has characters other than visible ASCII")
	}
	return nil
}

func visible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < '!' || r > '~' })
}

// parse splits an address into what gRPC dials and how it is secured.
func parse(address string) (string, credentials.TransportCredentials, error) {
	full := address
	if !strings.Contains(full, "://") {
		full = "http://" + address
	}
	u, err := url.Parse(full)
	switch {
	case err != nil || u.Hostname() == "" || u.User != nil || u.RequestURI() != "/" || u.Fragment != "":
	case u.Port() != "" && !isPort(u.Port()):
	case u.Scheme == "https":
		return net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "443")), credentials.NewTLS(nil), nil
	case u.Scheme == "http" && u.Port() != "":
		return u.Host, insecure.NewCredentials(), nil
	}
	return "", nil, errors.New("sessions: set SESSIONS_ADDRESS or Options.Address to " +
		"http://host:port or https://host[:port], not to " + strconv.Quote(address))
}

func isPort(text string) bool {
	port, err := strconv.ParseUint(text, 10, 16)
	return err == nil && port > 0
}
