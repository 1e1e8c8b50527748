//go:build linux

package chaos

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

const year = 365 * 24 * time.Hour

// dial is a clock that also tells the time of tokens.
type dial interface {
	revocation.Clock
	time() time.Time
}

// newService is a server's insides in this process, with a clock of its own.
func newService(keys jwk.Source, db session.Store, c dial) *session.Service {
	return session.New(session.Config{
		Keys:  keys,
		Rules: token.Rules{MaxLifetime: year},
		Store: db,
		Log:   slog.New(slog.DiscardHandler),
		Now:   c.time,
		Clock: c,
	})
}

// run runs a service until the test ends or stop is called.
func run(t *testing.T, s *session.Service) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

func secretKeys(t *testing.T) *jwk.Set {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func openStore(t *testing.T, url string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// verdict returns the error of a refresh, or nil.
func verdict(s *session.Service, raw string) error {
	_, err := s.Refresh(context.Background(), raw, 10*time.Minute, session.Client{})
	return err
}

func accepts(s *session.Service, raw string) bool { return verdict(s, raw) == nil }

func revoked(s *session.Service, raw string) bool {
	return errors.Is(verdict(s, raw), session.ErrRevoked)
}
