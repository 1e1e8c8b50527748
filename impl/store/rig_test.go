package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) {
	if os.Getenv(helperEnv) != "" {
		os.Exit(helper())
	}
	os.Exit(shared.Main(m))
}

// eachEngine runs the test on every engine. open opens the same store again each time; in memory
// there is one handle only.
func eachEngine(t *testing.T, test func(t *testing.T, open func() *store.Store)) {
	t.Run("sqlite file", func(t *testing.T) {
		url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
		test(t, func() *store.Store { return open(t, url) })
	})
	t.Run("sqlite memory", func(t *testing.T) {
		s := open(t, "sqlite::memory:")
		test(t, func() *store.Store { return s })
	})
	t.Run("postgres", func(t *testing.T) {
		url := shared.Postgres(t).NewDatabase(t)
		test(t, func() *store.Store { return open(t, url) })
	})
}

func open(tb testing.TB, url string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), url)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func idOf(n int) revocation.SessionID {
	return revocation.SessionID{
		0:  1,
		28: byte(n >> 24),
		29: byte(n >> 16),
		30: byte(n >> 8),
		31: byte(n),
	}
}

// ended is a revocation of a session for the tests: n makes it different from others.
func ended(n int) revocation.Revocation {
	return revocation.Revocation{
		Kind:      revocation.OfSession,
		Session:   idOf(n),
		Identity:  "who",
		Reason:    "logout",
		Actor:     "client",
		RevokedAt: 1000,
		KeptUntil: 5000,
	}
}

func cutoff(identity string, at int64) revocation.Revocation {
	return revocation.Revocation{
		Kind:      revocation.OfIdentity,
		Identity:  identity,
		Reason:    "stolen",
		Actor:     "admin:ann",
		RevokedAt: at,
		KeptUntil: revocation.Forever,
	}
}

func revoke(t *testing.T, s *store.Store, r revocation.Revocation) revocation.Revocation {
	t.Helper()
	got, err := s.Revoke(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func changes(
	t *testing.T, s *store.Store, after int64, limit int,
) ([]revocation.Change, revocation.Page) {
	t.Helper()
	var got []revocation.Change
	page, err := s.Load(t.Context(), after, limit, func(c revocation.Change) {
		got = append(got, c)
	})
	if err != nil {
		t.Fatal(err)
	}
	return got, page
}

func list(t *testing.T, s *store.Store, before int64, limit int) []revocation.Revocation {
	t.Helper()
	var got []revocation.Revocation
	must(t, patiently(func() (err error) {
		got, err = s.List(t.Context(), before, 2000, limit)
		return err
	}))
	return got
}

// patiently repeats a call that took too long: the machine may be busy.
func patiently(call func() error) error {
	for deadline := time.Now().Add(server.Patience); ; {
		err := call()
		if !errors.Is(err, revocation.ErrUnavailable) || time.Now().After(deadline) {
			return err
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
