package store_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// BenchmarkRevokeTogether is many callers at once, each revoking one session after the other: how
// many revocations the one row carries that counts the feed.
func BenchmarkRevokeTogether(b *testing.B) {
	for _, callers := range []int{1, 64, 512} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			eachBenchmark(b, func(b *testing.B, s *store.Store) {
				var next atomic.Int64
				together(b, callers, func() error {
					_, err := s.Revoke(b.Context(), hashed(int(next.Add(1))))
					return err
				})
			})
		})
	}
}

// BenchmarkCleanUp is 64 callers that advance sessions, first alone and then while half a million
// expired sessions are removed.
func BenchmarkCleanUp(b *testing.B) {
	const live, expired, kept = 1_000, 500_000, 100_000
	for _, cleaning := range []bool{false, true} {
		b.Run(fmt.Sprintf("cleaning=%t", cleaning), func(b *testing.B) {
			eachBenchmark(b, func(b *testing.B, s *store.Store) {
				if err := s.FillSessions(b.Context(), live+expired, func(n int) session.Row {
					r := row(n, "someone@example.com")
					r.ID, r.KeptUntil = hashed(n).Session, kept
					if n >= live {
						r.KeptUntil = kept - 1
					}
					return r
				}); err != nil {
					b.Fatal(err)
				}
				ctx, stop := context.WithCancel(b.Context())
				var cleaner sync.WaitGroup
				var removed atomic.Int64
				if cleaning {
					cleaner.Go(func() { removeExpired(ctx, b, s, kept, &removed) })
				}
				var calls atomic.Int64
				generations := make([]atomic.Int64, live)
				together(b, 64, func() error {
					n := int(calls.Add(1)) % live
					next := row(n, "someone@example.com")
					next.ID, next.KeptUntil = hashed(n).Session, kept
					next.Generation = generations[n].Add(1) + 1
					_, err := s.Advance(b.Context(), next,
						session.Precondition{RotatedUntil: 2000, EndsUntil: math.MaxInt64})
					return err
				})
				seconds := b.Elapsed().Seconds()
				stop()
				cleaner.Wait()
				b.ReportMetric(float64(removed.Load())/seconds, "removed/s")
			})
		})
	}
}

// removeExpired removes expired sessions as a node does, in a fifth of the time, until none is left
// or ctx is done.
func removeExpired(
	ctx context.Context, b *testing.B, s *store.Store, now int64, count *atomic.Int64,
) {
	for batch := 500; batch == 500 && ctx.Err() == nil; {
		began := time.Now()
		var err error
		if batch, err = s.ExpireSessions(ctx, now, 500); err != nil && ctx.Err() == nil {
			b.Error(err)
		}
		count.Add(int64(batch))
		time.Sleep(4 * time.Since(began))
	}
}

// together makes b.N calls from many callers at once, and reports the slowest of a hundred.
func together(b *testing.B, callers int, call func() error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, callers)
	var group sync.WaitGroup
	b.ResetTimer()
	for at := range callers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := call(); err != nil {
					b.Error(err)
					return
				}
				took[at] = append(took[at], time.Since(began))
			}
		})
	}
	group.Wait()
	b.StopTimer()
	all := slices.Sorted(slices.Values(slices.Concat(took...)))
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}
