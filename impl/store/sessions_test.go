package store_test

import (
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// row is a session for the tests: n makes it different from others.
func row(n int, identity string) session.Row {
	return session.Row{
		ID:         idOf(n),
		Identity:   identity,
		StartedAt:  1000,
		Generation: 1,
		RotatedAt:  2000,
		KeyID:      "k1",
		LastUsedAt: 2000,
		UserAgent:  "browser",
		ExpiresAt:  90_000,
		EndsAt:     90_000,
		KeptUntil:  100_000,
	}
}

func adopt(t *testing.T, s *store.Store, r session.Row) {
	t.Helper()
	if done, err := s.Adopt(t.Context(), r); !done || err != nil {
		t.Fatalf("Adopt: %t, %v", done, err)
	}
}

// stored checks the row in the store, read through another handle.
func stored(t *testing.T, s *store.Store, want session.Row) {
	t.Helper()
	got, err := s.Session(t.Context(), want.ID)
	if err != nil {
		t.Fatal(err)
	}
	if got == nil || *got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestAdopt(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, other := open(), open()
		if got, err := s.Session(t.Context(), idOf(1)); got != nil || err != nil {
			t.Errorf("before: %v, %v", got, err)
		}
		first := row(1, "a\\"+strings.Repeat("é", 8000))
		first.KeyID, first.UserAgent, first.Acknowledged, first.KeptUntil = "k\\1", "ü\\", true, math.MaxInt64
		adopt(t, s, first)
		stored(t, other, first)
		again := row(1, "other")
		if done, err := other.Adopt(t.Context(), again); done || err != nil {
			t.Errorf("a second time: %t, %v", done, err)
		}
		stored(t, s, first)
	})
}

func TestReplace(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, have := open(), row(1, "a")
		adopt(t, s, have)
		next := have
		next.Generation, next.RotatedAt, next.KeyID, next.Acknowledged, next.LastUsedAt = 5, 7000, "k5", true, 8000
		next.UserAgent, next.ExpiresAt, next.EndsAt, next.KeptUntil = "tv", 95_000, 96_000, 200_000
		for name, change := range map[string]func(*session.Row){
			"generation":   func(r *session.Row) { r.Generation = 2 },
			"rotated":      func(r *session.Row) { r.RotatedAt = 2001 },
			"acknowledged": func(r *session.Row) { r.Acknowledged = true },
			"used":         func(r *session.Row) { r.LastUsedAt = 1 },
			"session":      func(r *session.Row) { r.ID = idOf(2) },
			"identity":     func(r *session.Row) { r.Identity = "b" },
		} {
			stale := have
			change(&stale)
			if done, err := s.Replace(t.Context(), stale, next); done || err != nil {
				t.Errorf("%s: %t, %v", name, done, err)
			}
			stored(t, s, have)
		}
		if done, err := s.Replace(t.Context(), have, next); !done || err != nil {
			t.Errorf("%t, %v", done, err)
		}
		stored(t, s, next)
	})
}

// TestSessionsOf: lists only sessions that are in force, those used last first.
func TestSessionsOf(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		for n := 1; n <= 6; n++ {
			r := row(n, "a")
			r.LastUsedAt += int64(n)
			if n == 2 {
				r.ExpiresAt = 10_000
			}
			if n == 4 {
				r.StartedAt = 6_000
			}
			adopt(t, s, r)
		}
		adopt(t, s, row(7, "b"))
		revoke(t, s, ended(3))
		names := func(identity string, limit int) (out []int) {
			rows, err := s.SessionsOf(t.Context(), identity, 10_000, limit)
			must(t, err)
			for _, r := range rows {
				out = append(out, int(r.ID[31]))
			}
			return out
		}
		if got := names("a", 10); !slices.Equal(got, []int{6, 5, 4, 1}) {
			t.Errorf("got %v", got)
		}
		if got := names("a", 2); !slices.Equal(got, []int{6, 5}) {
			t.Errorf("two: %v", got)
		}
		if got := names("c", 10); got != nil {
			t.Errorf("nobody's: %v", got)
		}
		revoke(t, s, cutoff("a", 5_999))
		if got := names("a", 10); !slices.Equal(got, []int{4}) {
			t.Errorf("after a cut-off: %v", got)
		}
		if got := names("b", 10); !slices.Equal(got, []int{7}) {
			t.Errorf("another's: %v", got)
		}
	})
}

// TestSessionsUnavailable: a closed store says so in every call.
func TestSessionsUnavailable(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite::memory:")
	must(t, err)
	must(t, s.Close())
	_, adopted := s.Adopt(t.Context(), row(1, "a"))
	_, read := s.Session(t.Context(), idOf(1))
	_, listed := s.SessionsOf(t.Context(), "a", 0, 1)
	for _, err := range []error{adopted, read, listed} {
		if !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
}

// TestOldBackslashes: programs before version 3 of the schema doubled each backslash of an
// identity.
func TestOldBackslashes(t *testing.T) {
	eachShared(t, func(t *testing.T, url string) {
		s, r := open(t, url), row(1, `DOMAIN\user`)
		adopt(t, s, r)
		exec1(t, url, `UPDATE refresh_sessions SET identity = 'DOMAIN\\user'`)
		stored(t, s, r)
		next := r
		next.Generation, next.RotatedAt = 2, 50_000
		p := session.Precondition{RotatedUntil: 2000, EndsUntil: math.MaxInt64}
		if done, err := s.Advance(t.Context(), next, p); !done || err != nil {
			t.Errorf("Advance: %t, %v", done, err)
		}
	})
}
