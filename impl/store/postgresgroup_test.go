package store_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestPostgresGroupShares: changes that wait while others are committed share a commit of their
// writer, and each is there when its caller is answered. Leases and clean-up do not wait for them.
func TestPostgresGroupShares(t *testing.T) {
	s := open(t, shared.Postgres(t).NewDatabase(t))
	must(t, s.Join(t.Context(), revocation.Lease{Node: "a", Version: 1}))
	release := s.Occupy(t)
	before := s.Commits()
	var callers sync.WaitGroup
	for n := range 100 {
		callers.Go(func() { adopt(t, s, row(n, "a")) })
	}
	s.AwaitQueue(t, 100)
	kept, err := s.Renew(t.Context(), revocation.Lease{Node: "a", Version: 2}, 1)
	if err != nil || !kept {
		t.Errorf("the lease waits for a crowd: %v, %v", kept, err)
	}
	if _, err := s.CleanUpTime(t.Context(), time.Now().UnixMilli()); err != nil {
		t.Errorf("the clean-up waits for a crowd: %v", err)
	}
	revoke(t, s, ended(1))
	release()
	callers.Wait()
	// One each: the lease, the clean-up, the revocation, the two that kept the writers busy.
	if got := s.Commits() - before - 5; got > 2 {
		t.Errorf("%d commits for 100 changes that waited together", got)
	}
	for n := range 100 {
		stored(t, s, row(n, "a"))
	}
}

// TestLeaseBesideReads: while callers wait for all connections for reads, as in a flood of
// revocations, a node renews its lease, with every call that this takes.
func TestLeaseBesideReads(t *testing.T) {
	s := open(t, shared.Postgres(t).NewDatabase(t))
	must(t, s.Join(t.Context(), revocation.Lease{Node: "a", Version: 1}))
	release := s.OccupyReads(t)
	defer release()
	hung, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for n := range 100 {
		callers.Go(func() { _, _ = s.Leases(hung, ended(n)) })
	}
	must(t, s.SameStore(t.Context()))
	kept, err := s.Renew(t.Context(), revocation.Lease{Node: "a", Version: 2}, 1)
	if err != nil || !kept {
		t.Errorf("Renew: %v, %v", kept, err)
	}
	lease := revocation.Lease{Node: "a", Version: 2}
	_, err = s.Follow(t.Context(), lease, 3, 0, 10, func(revocation.Change) {})
	must(t, err)
	stop()
	callers.Wait()
}

// TestPostgresRevocationsShare: revocations that wait share a commit, equal ones share an entry of
// the feed, and signing out a user goes first.
func TestPostgresRevocationsShare(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	s := open(t, url+"&lock_timeout=60000&statement_timeout=60000")
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	feed, err := conn.Begin(t.Context())
	must(t, err)
	_, err = feed.Exec(t.Context(), "UPDATE refresh_feed SET head = head")
	must(t, err)
	before := s.Commits()
	var callers sync.WaitGroup
	callers.Go(func() { _, _ = s.Revoke(t.Context(), ended(0)) })
	shared.Postgres(t).Await(t, "a revocation that waits", func() bool {
		return value(t, shared.Postgres(t),
			"SELECT count(*) > 0 FROM pg_locks WHERE NOT granted") == "t"
	})
	for n := range 200 {
		callers.Go(func() {
			if got, err := s.Revoke(t.Context(), ended(1+n%4)); err != nil || got.Sequence > 6 {
				t.Errorf("Revoke: %+v, %v", got, err)
			}
		})
	}
	s.AwaitQueue(t, 200)
	callers.Go(func() {
		if _, err := s.Revoke(t.Context(), cutoff("a", 1000)); err != nil {
			t.Error(err)
		}
	})
	s.AwaitQueue(t, 201)
	must(t, feed.Rollback(t.Context()))
	callers.Wait()
	if got := s.Commits() - before; got != 2 {
		t.Errorf("%d commits, want 2", got)
	}
	if n := len(list(t, s, math.MaxInt64, 10)); n != 6 {
		t.Errorf("%d revocations, want 6", n)
	}
}

// TestPostgresGroupFailure: a change that fails takes none of those with it that share its commit.
func TestPostgresGroupFailure(t *testing.T) {
	s := open(t, shared.Postgres(t).NewDatabase(t))
	release := s.Occupy(t)
	var callers sync.WaitGroup
	for n := range 60 {
		callers.Go(func() { adopt(t, s, row(n, "a")) })
	}
	callers.Go(func() {
		if err := s.Fail(t.Context()); err == nil || errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("a wrong statement: %v", err)
		}
	})
	s.AwaitQueue(t, 61)
	release()
	callers.Wait()
	for n := range 60 {
		stored(t, s, row(n, "a"))
	}
}

// TestPostgresGroupFull: if too many changes wait, the next ones are told at once to try again, and
// not all after the same time.
func TestPostgresGroupFull(t *testing.T) {
	s := open(t, shared.Postgres(t).NewDatabase(t))
	release := s.Occupy(t)
	var waits []time.Duration
	var mu sync.Mutex
	var callers, refused sync.WaitGroup
	const extra = store.GroupQueue
	refused.Add(extra)
	for n := range store.GroupQueue + extra {
		callers.Go(func() {
			_, err := s.Adopt(t.Context(), row(n, "a"))
			if err == nil {
				return
			}
			defer refused.Done()
			full, ok := errors.AsType[interface {
				error
				RetryAfter() time.Duration
			}](err)
			if !ok || !errors.Is(err, revocation.ErrUnavailable) {
				t.Errorf("got %v", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			waits = append(waits, full.RetryAfter().Truncate(100*time.Millisecond))
		})
	}
	s.AwaitQueue(t, store.GroupQueue)
	refused.Wait()
	release()
	callers.Wait()
	slices.Sort(waits)
	if n := len(slices.Compact(waits)); n < 10 {
		t.Errorf("the callers that were refused are told only %d different times", n)
	}
}

// TestRounds: equal revocations share one, and a round has at most one revocation of a session.
func TestRounds(t *testing.T) {
	again, longer := ended(1), ended(1)
	again.RevokedAt, again.Reason = 2000, "other"
	longer.KeptUntil++
	got := store.Rounds(ended(1), again, longer, ended(2), ended(1), cutoff("a", 1), cutoff("a", 2))
	if want := []int{3, 2}; !slices.Equal(got, want) {
		t.Errorf("rounds of %v revocations, want %v", got, want)
	}
}
