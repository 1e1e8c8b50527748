package store_test

import (
	"math"
	"sync"
	"sync/atomic"
	"testing"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// TestAdvance: each condition of its own keeps the statement from applying, and then nothing
// changes.
func TestAdvance(t *testing.T) {
	next := row(1, "a")
	next.Generation, next.RotatedAt, next.LastUsedAt, next.KeyID, next.UserAgent = 2, 50_000, 50_000, "k2", "phone"
	guard := session.Precondition{
		RotatedUntil: 2000,
		StartedFrom:  1000,
		EndsFrom:     90_000,
		EndsUntil:    90_000,
	}
	for _, c := range []struct {
		name   string
		change func(r *session.Row, g *session.Precondition)
		want   bool
	}{
		{"at every bound", func(*session.Row, *session.Precondition) {}, true},
		{"expires later", func(r *session.Row, _ *session.Precondition) { r.ExpiresAt = 95_000 },
			true},
		{"another session", func(r *session.Row, _ *session.Precondition) { r.ID = idOf(2) },
			false},
		{"another identity", func(r *session.Row, _ *session.Precondition) { r.Identity = "b" },
			false},
		{"same generation", func(r *session.Row, _ *session.Precondition) { r.Generation = 1 },
			false},
		{"two generations on", func(r *session.Row, _ *session.Precondition) { r.Generation = 3 },
			false},
		{"inside the window",
			func(_ *session.Row, g *session.Precondition) { g.RotatedUntil = 1999 }, false},
		{"expired", func(r *session.Row, _ *session.Precondition) { r.RotatedAt = 90_000 }, false},
		{"cut off", func(_ *session.Row, g *session.Precondition) { g.StartedFrom = 1001 }, false},
		{"ends before", func(_ *session.Row, g *session.Precondition) { g.EndsFrom = 90_001 },
			false},
		{"ends after", func(_ *session.Row, g *session.Precondition) { g.EndsUntil = 89_999 },
			false},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachEngine(t, func(t *testing.T, open func() *store.Store) {
				s, want, next, guard := open(), row(1, "a"), next, guard
				adopt(t, s, want)
				c.change(&next, &guard)
				if done, err := s.Advance(t.Context(), next, guard); done != c.want || err != nil {
					t.Errorf("%t, %v", done, err)
				}
				if c.want {
					want, want.Acknowledged = next, false
				}
				stored(t, s, want)
			})
		})
	}
}

// TestAdvanceForgetsAcknowledgement: the new token was not presented yet.
func TestAdvanceForgetsAcknowledgement(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, r := open(), row(1, "a")
		r.Acknowledged = true
		adopt(t, s, r)
		r.Generation, r.RotatedAt, r.LastUsedAt = 2, 3000, 3000
		if done, err := s.Advance(t.Context(), r, session.Precondition{
			RotatedUntil: 2000,
			EndsUntil:    math.MaxInt64,
		}); !done || err != nil {
			t.Fatalf("%t, %v", done, err)
		}
		r.Acknowledged = false
		stored(t, s, r)
	})
}

// TestAdvanceOnce: of many that advance one row at once, from several handles, one does.
func TestAdvanceOnce(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		handles := []*store.Store{open(), open()}
		adopt(t, handles[0], row(1, "a"))
		for generation := int64(2); generation < 6; generation++ {
			next := row(1, "a")
			next.Generation = generation
			var applied atomic.Int64
			var group sync.WaitGroup
			for i := range 40 {
				group.Go(func() {
					done, err := handles[i%2].Advance(t.Context(), next, session.Precondition{
						RotatedUntil: 3000,
						EndsUntil:    math.MaxInt64,
					})
					if err != nil {
						t.Error(err)
					}
					if done {
						applied.Add(1)
					}
				})
			}
			group.Wait()
			if applied.Load() != 1 {
				t.Errorf("generation %d: %d have advanced", generation, applied.Load())
			}
		}
	})
}
