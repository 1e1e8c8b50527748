package store_test

import (
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

const day = 24 * time.Hour

// TestKeptByTheStore: how long a revocation is kept does not depend on the program that revokes.
func TestKeptByTheStore(t *testing.T) {
	now := time.Now()
	in := func(d time.Duration) int64 { return now.Add(d).UnixMilli() }
	one := func(r *revocation.Revocation) { r.OneToken = true }
	many := func(*revocation.Revocation) {}
	for _, c := range []struct {
		name        string
		before      func(t *testing.T, s *store.Store)
		change      func(*revocation.Revocation)
		least, most time.Duration
	}{
		{"nothing is noted", func(*testing.T, *store.Store) {}, many, 10 * day, 10 * day},
		{"servers allow a year", func(t *testing.T, s *store.Store) {
			must(t, s.NoteServer(t.Context(), 365*day, false))
			must(t, s.NoteServer(t.Context(), 30*day, false))
		}, many, 373 * day, 375 * day},
		{"a session of one token", func(t *testing.T, s *store.Store) {
			must(t, s.NoteServer(t.Context(), 365*day, false))
		}, one, 10 * day, 10 * day},
		{"rotation was on, and is off", func(t *testing.T, s *store.Store) {
			must(t, s.NoteServer(t.Context(), 365*day, true))
			must(t, s.NoteServer(t.Context(), 365*day, false))
		}, one, 373 * day, 375 * day},
		{"the session's row is kept longer", func(t *testing.T, s *store.Store) {
			r := row(1, "who")
			r.KeptUntil = in(98 * day)
			adopt(t, s, r)
		}, one, 98 * day, 98 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open func() *store.Store) {
				s := open()
				c.before(t, s)
				r := ended(1)
				r.RevokedAt, r.KeptUntil = in(0), in(10*day)
				c.change(&r)
				for range 2 {
					got := revoke(t, open(), r)
					if got.KeptUntil < in(c.least) || got.KeptUntil > in(c.most) ||
						got.Sequence != 1 {
						t.Errorf("kept for %v with sequence %d, want %v to %v", time.UnixMilli(
							got.KeptUntil).Sub(now),
							got.Sequence, c.least, c.most)
					}
				}
			})
		})
	}
}

// TestCleanUpTime: rows are removed by a clock that several servers agree on.
func TestCleanUpTime(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		begin := time.Now()
		at := func(ahead time.Duration) time.Duration {
			t.Helper()
			until, err := open().CleanUpTime(t.Context(), begin.Add(ahead).UnixMilli())
			must(t, err)
			return time.UnixMilli(until).Sub(begin).Round(time.Hour)
		}
		if got := at(-10 * time.Hour); got != -10*time.Hour {
			t.Errorf("first: %v", got)
		}
		if got := at(0); got != 0 {
			t.Errorf("by ten hours: %v", got)
		}
		for range 3 {
			if got := at(400 * day); got > time.Hour {
				t.Errorf("a clock that is 400 days ahead: %v", got)
			}
		}
		if got := at(-2 * time.Hour); got != -2*time.Hour {
			t.Errorf("a clock that is behind: %v", got)
		}
	})
}
