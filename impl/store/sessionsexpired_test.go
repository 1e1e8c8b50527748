package store_test

import (
	"math"
	"slices"
	"sync"
	"testing"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

func TestExpireSessions(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		for n := range 10 {
			r := row(n, "a")
			r.KeptUntil = int64(1000 * n)
			adopt(t, s, r)
		}
		var removed []int
		for _, limit := range []int{3, 3, 3} {
			n, err := s.ExpireSessions(t.Context(), 5000, limit)
			must(t, err)
			removed = append(removed, n)
		}
		if !slices.Equal(removed, []int{3, 2, 0}) {
			t.Errorf("removed %v", removed)
		}
		if got, _ := s.Session(t.Context(), idOf(5)); got == nil {
			t.Error("one that is still to be kept is gone")
		}
	})
}

// TestExpireUnderLoad: sessions that need not be kept go while others are refreshed, and none of
// these is lost.
func TestExpireUnderLoad(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		const sessions, rotations = 8, 50
		must(t, s.FillSessions(t.Context(), 3000, func(n int) session.Row {
			r := row(sessions+n, "a")
			r.KeptUntil = 4999
			return r
		}))
		var group sync.WaitGroup
		for n := range sessions {
			group.Go(func() {
				next := row(n, "a")
				adopt(t, s, next)
				for range rotations {
					next.Generation++
					done, err := s.Advance(t.Context(), next, session.Precondition{
						RotatedUntil: math.MaxInt64,
						EndsUntil:    math.MaxInt64,
					})
					if !done || err != nil {
						t.Errorf("session %d, generation %d: %t, %v", n, next.Generation, done, err)
					}
				}
			})
		}
		removed := 0
		for n := 500; n == 500; removed += n {
			var err error
			n, err = s.ExpireSessions(t.Context(), 5000, 500)
			must(t, err)
		}
		group.Wait()
		if removed != 3000 {
			t.Errorf("%d are gone of 3000", removed)
		}
	})
}
