//go:build linux

package rotation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// clockwork is a service whose clock the test moves.
type clockwork struct {
	*session.Service
	now time.Time
	key *jwk.Set
}

func newClockwork(t *testing.T, r session.Rotation) *clockwork {
	t.Helper()
	c := &clockwork{
		now: time.Now().Truncate(time.Second),
		key: newSet(t, newKey(t, "EdDSA", "one")),
	}
	c.Service = serviceWith(t, c.key, func() time.Time { return c.now }, r)
	return c
}

// login is a token as in the user's sample, with an empty jti, that lives for so long.
func (c *clockwork) login(t *testing.T, life time.Duration) string {
	t.Helper()
	raw, err := token.NewMinter(c.key, token.Rules{}).Issue(fmt.Appendf(
		nil,
		`{"identity":"ann","jti":"","iat":%d,"exp":%d}`,
		c.now.Unix(),
		c.now.Add(life).Unix(),
	), c.now)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (c *clockwork) redeem(t *testing.T, raw string) string {
	t.Helper()
	g, err := c.Refresh(t.Context(), raw, time.Hour, session.Client{})
	if err != nil {
		t.Fatal(err)
	}
	return g.RefreshToken
}

// TestIdle: a session ends so long after its last use, and no later than it would without.
func TestIdle(t *testing.T) {
	c := newClockwork(t, session.Rotation{Window: time.Minute, IdleLifetime: 24 * time.Hour})
	begin := c.now
	first := c.login(t, 10*24*time.Hour)
	raw := first
	for day := range 9 {
		raw = c.redeem(t, raw)
		if got := claimsOf(t, raw).Expires; got != c.now.Add(24*time.Hour).Unix() && day < 9 {
			t.Errorf("day %d: expires at %d", day, got-begin.Unix())
		}
		c.now = c.now.Add(24*time.Hour - time.Second)
	}
	raw = c.redeem(t, raw)
	c.now = c.now.Add(23 * time.Hour)
	if raw = c.redeem(t, raw); claimsOf(t, raw).Expires != begin.Add(10*24*time.Hour).Unix() {
		t.Errorf(
			"the last token expires %d s after the start",
			claimsOf(t, raw).Expires-begin.Unix(),
		)
	}
	// The login's token, which is older and lives on, finds the session as it is.
	c = newClockwork(t, session.Rotation{Window: time.Minute, IdleLifetime: 24 * time.Hour})
	first = c.login(t, 10*24*time.Hour)
	c.redeem(t, first)
	c.now = c.now.Add(24 * time.Hour)
	if _, err := c.Refresh(t.Context(), first, time.Hour, session.Client{}); !errors.Is(
		err,
		token.ErrExpired,
	) {
		t.Errorf("the login's token of an idle session: %v, want ErrExpired", err)
	}
}

// TestSessionLifetime: a session may outlive the login's own token, and then a logout with that one
// is remembered until the last token of the session has expired.
func TestSessionLifetime(t *testing.T) {
	c := newClockwork(
		t,
		session.Rotation{Window: time.Minute, SessionLifetime: 100 * 24 * time.Hour},
	)
	first := c.login(t, 24*time.Hour)
	second := c.redeem(t, first)
	expires := c.now.Add(100 * 24 * time.Hour)
	if got := claimsOf(t, second).Expires; got != expires.Unix() {
		t.Errorf("the successor expires at %d, want %d", got, expires.Unix())
	}
	c.now = c.now.Add(50 * 24 * time.Hour)
	third := c.redeem(t, second)
	if err := c.Logout(t.Context(), first); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Refresh(t.Context(), third, time.Hour, session.Client{}); !errors.Is(
		err,
		session.ErrRevoked,
	) {
		t.Errorf("after the logout: %v", err)
	}
	list, err := c.Revocations(t.Context(), math.MaxInt64, 10)
	if err != nil || len(list) != 1 || list[0].KeptUntil < expires.Add(8*24*time.Hour).UnixMilli() {
		t.Fatalf("%+v, %v", list, err)
	}
}

// hangUp is a client that hangs up as soon as the server has looked at the row.
type hangUp struct {
	session.Store
	now func()
}

func (h hangUp) Session(ctx context.Context, id revocation.SessionID) (*session.Row, error) {
	r, err := h.Store.Session(ctx, id)
	h.now()
	return r, err
}

// TestHangUp: if a thief closes the connection, the session is revoked all the same.
func TestHangUp(t *testing.T) {
	var hang func()
	c := newClockwork(t, session.Rotation{Window: time.Minute})
	c.Service = serviceOn(t, hangUp{Store: openMemory(t), now: func() {
		if hang != nil {
			hang()
		}
	}}, c.key, func() time.Time { return c.now }, session.Rotation{Window: time.Minute})
	first := c.login(t, 24*time.Hour)
	newest := first
	for range 2 {
		newest = c.redeem(t, newest)
		c.now = c.now.Add(time.Hour)
	}
	ctx, cancel := context.WithCancel(t.Context())
	hang = cancel
	if _, err := c.Refresh(ctx, first, time.Hour, session.Client{}); !errors.Is(
		err,
		session.ErrReused,
	) {
		t.Errorf("got %v, want ErrReused", err)
	}
	if _, err := c.Refresh(t.Context(), newest, time.Hour, session.Client{}); !errors.Is(
		err,
		session.ErrRevoked,
	) {
		t.Errorf("the session goes on: %v", err)
	}
}

// TestSignOutOfALoginAhead: the login's clock is 50 s ahead. Signing out everywhere revokes the
// sessions that were seen before, because their rows tell when they were first seen.
func TestSignOutOfALoginAhead(t *testing.T) {
	c := newClockwork(t, session.Rotation{Window: time.Minute})
	trueTime := c.now
	c.now = trueTime.Add(50 * time.Second)
	raw := c.login(t, 24*time.Hour)
	c.now = trueTime
	second := c.redeem(t, raw)
	if _, err := c.RevokeIdentity(t.Context(), "ann",
		session.Origin{Reason: "sign out everywhere"}); err != nil {
		t.Fatal(err)
	}
	for name, old := range map[string]string{"the login's token": raw, "its successor": second} {
		if _, err := c.Refresh(t.Context(), old, time.Hour, session.Client{}); !errors.Is(
			err,
			session.ErrRevoked,
		) {
			t.Errorf("%s: %v, want ErrRevoked", name, err)
		}
	}
}
