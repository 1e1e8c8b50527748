package guard

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// ErrUnavailable means that the guard cannot decide now: its knowledge of revocations is older than
// MaxStale, or the key of the token may be a new one that could not be read. The caller may try
// again.
var ErrUnavailable = errors.New("the API cannot check access tokens now")

var (
	errStale  = fmt.Errorf("%w: the revocations were not read for too long", ErrUnavailable)
	errNoKeys = fmt.Errorf("%w: the public keys of refreshd were not read", ErrUnavailable)
)

// Caller is the sender of an accepted access token.
type Caller struct {
	Identity string
	// Session is the ID of the session, 64 hexadecimal digits; empty if the token names none.
	Session string
	Admin   bool
	Fresh   bool
	Expires time.Time
	// Claims are all claims of the token, as JSON.
	Claims json.RawMessage
}

// Check returns the sender of an access token. It returns ErrUnavailable if the guard cannot decide
// now. Any other error is the reason why the token is rejected; its text names no value of the
// token.
func (g *Guard) Check(ctx context.Context, raw string) (*Caller, error) {
	t, err := g.verify(ctx, raw)
	if err != nil {
		g.metrics.count(err)
		return nil, err
	}
	// The age is checked before the memory is read. In the other order the memory that was read might
	// be older than the age says.
	if !g.fresh() {
		if !g.c.AllowStale {
			g.metrics.count(errStale)
			return nil, errStale
		}
		g.metrics.passedStale.Inc()
	}
	id := session.IDOfAccess(t)
	if err := session.RejectionOfAccess(t, g.set.Lookup(id, t.Identity)); err != nil {
		g.metrics.count(err)
		return nil, err
	}
	g.metrics.count(nil)
	c := &Caller{
		Identity: t.Identity,
		Admin:    t.Admin,
		Fresh:    t.Fresh,
		Expires:  time.Unix(t.Expires, 0),
		Claims:   json.RawMessage(t.Payload),
	}
	if id != (revocation.SessionID{}) {
		c.Session = t.Session
	}
	return c, nil
}

// verify verifies a token, with new keys if its key is unknown.
func (g *Guard) verify(ctx context.Context, raw string) (*token.Token, error) {
	if g.keys != nil && !g.keys.known() {
		return nil, errNoKeys
	}
	t, err := g.verifier.Access(raw, g.now())
	if g.keys != nil && errors.Is(err, token.ErrUnknownKey) {
		if err := g.keys.refetch(ctx); err != nil {
			return nil, err
		}
		t, err = g.verifier.Access(raw, g.now())
	}
	if err != nil {
		return nil, err
	}
	return t, nil
}

func (g *Guard) now() time.Time { return time.Unix(0, g.c.Clock.Now().Wall) }

// fresh reports whether the knowledge is younger than MaxStale by both clocks. The monotonic clock
// stands still while a machine is suspended; the wall clock may be set. A hundredth is taken off,
// because clocks run at different speeds.
func (g *Guard) fresh() bool {
	sent := g.sent.Load()
	if sent == nil {
		return false
	}
	now, limit := g.c.Clock.Now(), g.c.MaxStale-g.c.MaxStale/100
	mono, wall := now.Mono-sent.Mono, time.Duration(now.Wall-sent.Wall)
	return 0 <= mono && mono < limit && 0 <= wall && wall < limit
}

// Age returns how old the guard's knowledge of revocations is. known is false if it has none yet.
func (g *Guard) Age() (age time.Duration, known bool) {
	sent := g.sent.Load()
	if sent == nil {
		return 0, false
	}
	return g.c.Clock.Now().Mono - sent.Mono, true
}
