// Package identity asks the operator's user service for the claims that a user has now.
// docs/identity.md describes the service.
package identity

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"

	"kalsel.dev/refresh/impl/lines"
	"kalsel.dev/refresh/impl/session"
)

// Config is the configuration of a Client. All fields but Credential and Keep are required.
type Config struct {
	// URL receives the questions.
	URL string
	// Credential is the bearer token for the user service. If it is nil, none is sent.
	Credential *Credential
	// Timeout bounds one call, from the connection to the end of the answer.
	Timeout time.Duration
	// InFlight is how many calls may wait for their answers at a time.
	InFlight int
	// GoneLimit is how many sessions the user service may revoke in a minute, and how many clients
	// it may log out without a revocation.
	GoneLimit int
	// GoneLimitSetting is the name of the setting with GoneLimit.
	GoneLimitSetting string
	// Keep says that a refresh goes on with the token's own claims if there is no usable answer.
	Keep     bool
	Now      func() time.Time
	Log      *slog.Logger
	Registry prometheus.Registerer
}

const (
	// breakAfter is the number of failures in a row after which the breaker opens.
	breakAfter = 20
	// breakFor is how long no call is made then.
	breakFor = 2 * time.Second
)

// Client asks the user service. It is safe for concurrent use.
type Client struct {
	c       Config
	sender  *sender
	breaker *gobreaker.CircuitBreaker[answer]
	calls   calls
	gone    limiter // revocations
	refused limiter // clients that were logged out without one
	metrics *metrics
	lines   lines.Bound[reason]
}

var _ session.UserService = (*Client)(nil)

// New returns a Client. It fails if a metric cannot be registered.
func New(c Config) (*Client, error) {
	client := &Client{
		c:       c,
		sender:  newSender(c),
		gone:    limiter{most: c.GoneLimit},
		refused: limiter{most: c.GoneLimit},
	}
	client.calls.most = c.InFlight
	client.calls.perform = client.perform
	client.breaker = gobreaker.NewCircuitBreaker[answer](gobreaker.Settings{
		Timeout: breakFor,
		ReadyToTrip: func(counts gobreaker.Counts) bool {
			return counts.ConsecutiveFailures >= breakAfter
		},
		IsExcluded:    isAbandoned,
		OnStateChange: client.breakerChanged,
	})
	var err error
	client.metrics, err = newMetrics(c.Registry, client)
	return client, err
}

// Claims implements session.UserService.
func (c *Client) Claims(ctx context.Context, q session.UserQuestion) ([]byte, error) {
	a, err := c.calls.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	switch a.verdict {
	case notAllowed:
		if !c.refused.allow(q.Session, c.c.Now()) {
			return nil, &failure{reason: overLimit, text: "it logs too many clients out", final: true}
		}
		return nil, session.ErrNotAllowed
	case gone:
		if !c.gone.allow(q.Session, c.c.Now()) {
			return nil, &failure{reason: overLimit, text: "it revokes too many sessions", final: true}
		}
		return nil, session.ErrIdentityGone
	default:
		return a.claims, nil
	}
}

// perform asks the user service, unless it has failed too often.
func (c *Client) perform(ctx context.Context, q session.UserQuestion) (answer, error) {
	a, err := c.breaker.Execute(func() (answer, error) {
		began := c.c.Now()
		a, err := c.sender.send(ctx, q)
		if !isAbandoned(err) {
			c.metrics.called(a, err, c.c.Now().Sub(began))
		}
		return a, err
	})
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		return a, &failure{
			reason: breakerOpen,
			text:   "it has failed 20 times in a row and is not asked for two seconds",
			wait:   breakFor,
		}
	}
	return a, err
}

// isAbandoned reports that a call was cancelled because all clients that waited for it hung up.
func isAbandoned(err error) bool { return errors.Is(err, context.Canceled) }

// breakerChanged logs that the breaker has opened or closed.
func (c *Client) breakerChanged(_ string, _, to gobreaker.State) {
	switch to {
	case gobreaker.StateOpen:
		c.c.Log.Warn("The user service fails; it is asked again in two seconds")
	case gobreaker.StateClosed:
		c.c.Log.Info("The user service answers again")
	case gobreaker.StateHalfOpen: // one call tries
	}
}

// Failed implements session.UserService.
func (c *Client) Failed(ctx context.Context, q session.UserQuestion, err error) (keep bool) {
	if ctx.Err() != nil {
		return false // the client has hung up
	}
	f, ok := errors.AsType[*failure](err)
	if !ok {
		f = &failure{reason: invalid} // the caller could not use the claims
	}
	keep = c.c.Keep && !f.final
	c.metrics.failed(f.reason, keep)
	c.log(ctx, q, f.reason, err, keep)
	return keep
}

// log logs a question without a usable answer, unless there were too many lines of its kind.
func (c *Client) log(
	ctx context.Context, q session.UserQuestion, why reason, err error, kept bool,
) {
	write, leftOut := c.lines.Next(why, c.c.Now())
	if !write {
		return
	}
	attrs := []slog.Attr{
		slog.String("reason", string(why)),
		slog.String("error", err.Error()),
		slog.String("identity", q.Identity),
		slog.String("session", q.Session),
	}
	if leftOut > 0 {
		attrs = append(attrs, slog.Int("lines_left_out", leftOut))
	}
	switch {
	case why == overLimit:
		attrs = append(attrs, slog.String("alarm", "identity_gone_limit"),
			slog.String("setting", c.c.GoneLimitSetting))
		c.c.Log.LogAttrs(ctx, slog.LevelError, "The user service logs more clients out in a minute "+
			"than the setting allows: the refreshes are answered 503, and no session is revoked", attrs...)
	case kept:
		c.c.Log.LogAttrs(ctx, slog.LevelWarn, "The user service gave no usable answer: the access "+
			"token has the claims of the refresh token", attrs...)
	default:
		c.c.Log.LogAttrs(ctx, slog.LevelWarn,
			"The user service gave no usable answer: the refresh is answered 503", attrs...)
	}
}
