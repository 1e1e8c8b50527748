package session_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/audit"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// recorded is a service whose events the test reads and whose clock the test moves. It holds no
// lease, so it reads the store for each token.
type recorded struct {
	*session.Service

	keys   *jwk.Set
	store  *store.Store
	events []audit.Event
	at     time.Time
}

// Record implements session.Auditor.
func (s *recorded) Record(ctx context.Context, e audit.Event) {
	if e.Complete != nil {
		e.Complete(ctx, &e)
	}
	s.events = append(s.events, e)
}

func newRecorded(t *testing.T, change func(*session.Config)) *recorded {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(testSecret), false)
	if err != nil {
		t.Fatal(err)
	}
	s := &recorded{keys: keys, store: openStore(t, "sqlite::memory:"), at: time.Now().Truncate(time.Second)}
	c := session.Config{
		Keys:  keys,
		Rules: token.Rules{MaxLifetime: 365 * day},
		Store: s.store,
		Log:   slog.New(slog.DiscardHandler),
		Audit: s,
		Now:   func() time.Time { return s.at },
	}
	change(&c)
	s.Service = session.New(c)
	return s
}

func stateless(*session.Config) {}

func withRotation(c *session.Config) { c.Rotation = &session.Rotation{Window: time.Second} }

// inEachMode runs a test without and with rotation.
func inEachMode(t *testing.T, test func(t *testing.T, s *recorded)) {
	t.Run("stateless", func(t *testing.T) { test(t, newRecorded(t, stateless)) })
	t.Run("rotation", func(t *testing.T) { test(t, newRecorded(t, withRotation)) })
}

// sign signs a token of identity "me" that was made an hour ago. more is more claims.
func (s *recorded) sign(t *testing.T, id string, life time.Duration, more string) string {
	t.Helper()
	iat := s.at.Add(-time.Hour).Unix()
	claims := fmt.Sprintf(`{"identity":"me","jti":%q,"iat":%d,"exp":%d%s}`,
		id, iat, s.at.Add(life).Unix(), more)
	raw, err := token.NewMinter(s.keys, token.Rules{}).Issue([]byte(claims), s.at)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// refresh fails the test unless the error is the wanted one.
func (s *recorded) refresh(
	t *testing.T, raw string, want error, from session.Client,
) session.Grant {
	t.Helper()
	grant, err := s.Refresh(t.Context(), raw, time.Hour, from)
	if !errors.Is(err, want) || (err == nil) != (want == nil) {
		t.Fatalf("got %v, want %v", err, want)
	}
	return grant
}

// read returns a genuine refresh token. It may have expired.
func (s *recorded) read(t *testing.T, raw string) *token.Token {
	t.Helper()
	read, err := token.NewVerifier(s.keys, token.Rules{}).Refresh(raw, s.at)
	if read == nil {
		t.Fatal(err)
	}
	return read
}

// last returns the last event.
func (s *recorded) last(t *testing.T) audit.Event {
	t.Helper()
	if len(s.events) == 0 {
		t.Fatal("there is no event")
	}
	return s.events[len(s.events)-1]
}
