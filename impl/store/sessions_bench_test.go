package store_test

import (
	"math"
	"math/rand/v2"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// BenchmarkAdvance is 64 callers at once, each advancing one session after the other, with few and
// with many in the store.
func BenchmarkAdvance(b *testing.B) {
	for _, count := range []int{1_000, 1_000_000} {
		b.Run(strconv.Itoa(count), func(b *testing.B) {
			eachBenchmark(b, func(b *testing.B, s *store.Store) {
				if err := s.FillSessions(b.Context(), count, func(n int) session.Row {
					r := row(n, "someone@example.com")
					r.ID = hashed(n).Session
					return r
				}); err != nil {
					b.Fatal(err)
				}
				b.ResetTimer()
				advanceAll(b, s, count)
			})
		})
	}
}

func advanceAll(b *testing.B, s *store.Store, count int) {
	generations := make([]atomic.Int64, count)
	before := s.Commits()
	var left atomic.Int64
	left.Store(int64(b.N))
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				n := rand.IntN(count)
				next := row(n, "someone@example.com")
				next.ID, next.Generation = hashed(n).Session, generations[n].Add(1)+1
				if _, err := s.Advance(b.Context(), next, session.Precondition{
					RotatedUntil: 2000,
					EndsUntil:    math.MaxInt64,
				}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/float64(s.Commits()-before), "changes/commit")
}
