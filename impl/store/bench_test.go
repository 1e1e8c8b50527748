package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// BenchmarkLoad is how long a node takes from its start until it has read a million revocations and
// answers from memory.
func BenchmarkLoad(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, s *store.Store) {
		const count = 1_000_000
		if err := s.Fill(b.Context(), count, hashed); err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			load(b, s, count)
		}
	})
}

func eachBenchmark(b *testing.B, benchmark func(*testing.B, *store.Store)) {
	b.Run("sqlite", func(b *testing.B) {
		benchmark(b, open(b, "sqlite:"+filepath.Join(b.TempDir(), "refresh.db")))
	})
	b.Run("postgres", func(b *testing.B) {
		benchmark(b, open(b, server.StartPostgres(b, "fsync=on").NewDatabase(b)))
	})
}

func hashed(n int) revocation.Revocation {
	r := ended(n)
	r.Session = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	r.KeptUntil = time.Now().Add(24 * time.Hour).UnixMilli()
	return r
}

func load(b *testing.B, s *store.Store, count int) {
	b.Helper()
	n := revocation.NewNode(s, revocation.SystemClock(), slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	for !n.Status().HasLease {
		time.Sleep(5 * time.Millisecond)
	}
	if got := n.Status().InForce; got != count {
		b.Errorf("%d revocations of %d", got, count)
	}
	cancel()
	<-done
}

// BenchmarkRevoke is one revoke after the other, with a node in the same process.
func BenchmarkRevoke(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, s *store.Store) {
		log := slog.New(slog.DiscardHandler)
		n := revocation.NewNode(s, revocation.SystemClock(), log)
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan struct{})
		go func() {
			defer close(done)
			n.Run(ctx)
		}()
		for !n.Status().HasLease {
			time.Sleep(5 * time.Millisecond)
		}
		r := revocation.NewRevoker(s, revocation.SystemClock(), log, n)
		for i := 0; b.Loop(); i++ {
			if _, err := r.Revoke(ctx, hashed(i)); err != nil {
				b.Fatal(err)
			}
		}
		cancel()
		<-done
	})
}
