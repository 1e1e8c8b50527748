package store_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestFollow: the feed is read only in a transaction that shows the lease, and acknowledged in the
// same transaction.
func TestFollow(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, ctx := open(), t.Context()
		lease := revocation.Lease{Node: "a", Version: 2}
		must(t, s.Join(ctx, lease))
		for n := range 5 {
			revoke(t, s, ended(n))
		}
		follow := func(version, next, after int64, want revocation.Page) {
			t.Helper()
			seen := after
			got, err := s.Follow(ctx, revocation.Lease{Node: "a", Version: version}, next, after, 3,
				func(c revocation.Change) {
					if seen++; c.Sequence != seen {
						t.Errorf("sequence %d, want %d", c.Sequence, seen)
					}
				})
			if err != nil || got != want || seen != max(after, want.Applied) && after <= want.Head {
				t.Errorf("page %+v, %v, want %+v", got, err, want)
			}
		}
		have := func(version, acknowledged int64) {
			t.Helper()
			got, err := s.PeekLeases(ctx)
			if want := (revocation.Lease{
				Node:         "a",
				Version:      version,
				Acknowledged: acknowledged,
			}); err != nil ||
				len(got) != 1 || got[0] != want {
				t.Errorf("leases %v, %v, want %v", got, err, want)
			}
		}
		follow(2, 3, 0, revocation.Page{Applied: 3, Head: 5})
		have(3, 3)
		follow(3, 4, 3, revocation.Page{Applied: 5, Head: 5})
		have(4, 5)
		follow(4, 5, 5, revocation.Page{Applied: 5, Head: 5})
		have(4, 5) // there was nothing to acknowledge
		follow(4, 5, 7, revocation.Page{Applied: 7, Head: 5})
		have(4, 5) // the feed is shorter than what the node has applied
		for name, l := range map[string]revocation.Lease{
			"older lease": {Node: "a", Version: 5}, "no lease": {Node: "b"},
		} {
			_, err := s.Follow(ctx, l, 9, 0, 3, func(revocation.Change) {
				t.Errorf("%s: the feed was read", name)
			})
			if !errors.Is(err, revocation.ErrUnavailable) {
				t.Errorf("%s: %v, want ErrUnavailable", name, err)
			}
		}
		have(4, 5)
		revoke(t, s, ended(5))
		// The node does not know that its last write succeeded.
		follow(3, 5, 5, revocation.Page{Applied: 6, Head: 6})
		have(5, 6)
		if _, err := s.Follow(ctx, revocation.Lease{
			Node:    "a",
			Version: 3,
		}, 4, 0, 9, func(revocation.Change) {}); err == nil {
			t.Error("an acknowledgement with an older version than the lease has was written")
		}
		have(5, 6)
	})
}

// TestAppliedBeforeAcknowledged: while a node applies a change, its lease does not acknowledge it yet.
func TestAppliedBeforeAcknowledged(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, other := open(), open()
		lease := revocation.Lease{Node: "a", Version: 1}
		must(t, s.Join(t.Context(), lease))
		r := revoke(t, s, ended(1))
		applied := 0
		_, err := s.Follow(t.Context(), lease, 2, 0, 10, func(revocation.Change) {
			applied++
			leases, err := other.PeekLeases(t.Context())
			if err != nil || len(leases) != 1 || leases[0].Acknowledged >= r.Sequence {
				t.Errorf("leases while the change is applied: %v, %v", leases, err)
			}
		})
		must(t, err)
		leases, err := other.PeekLeases(t.Context())
		if err != nil || len(leases) != 1 || leases[0].Acknowledged != r.Sequence || applied != 1 {
			t.Errorf("leases after %d changes: %v, %v", applied, leases, err)
		}
	})
}

// TestOrder: a reader sees every sequence up to the head that it has read, also while others write:
// no commit overtakes another.
func TestOrder(t *testing.T) {
	const writers, each = 4, 50
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		var group sync.WaitGroup
		for w := range writers {
			s := open()
			group.Go(func() {
				for n := range each {
					if _, err := s.Revoke(t.Context(), ended(w*each+n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		s, last := open(), int64(0)
		for last < writers*each && !t.Failed() {
			page, err := s.Load(t.Context(), last, 7, func(c revocation.Change) {
				if c.Sequence != last+1 {
					t.Errorf("sequence %d after %d", c.Sequence, last)
				}
				last = c.Sequence
			})
			if err != nil || page.Applied != last {
				t.Fatalf("page %+v, %v, at %d", page, err, last)
			}
		}
		group.Wait()
	})
}

// TestList: pages taken while others insert neither skip nor repeat.
func TestList(t *testing.T) {
	count := 2000
	if os.Getenv("REFRESH_SOAK") != "" {
		count = 100_000
	}
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, inserted := open(), make(chan struct{})
		go func() {
			defer close(inserted)
			for n := range count {
				err := patiently(func() error {
					_, err := s.Revoke(t.Context(), ended(n))
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				time.Sleep(100 * time.Microsecond) // in memory nothing else lets readers in
			}
		}()
		defer func() { <-inserted }()
		reader := open()
		for done := false; !done; {
			select {
			case <-inserted:
				done = true
			case <-time.After(50 * time.Millisecond):
			}
			if n := walk(t, reader); done && n != count {
				t.Errorf("listed %d of %d", n, count)
			}
		}
	})
}

// walk lists everything in pages and returns how much. Every sequence below the first that is seen
// must follow.
func walk(t *testing.T, s *store.Store) int {
	t.Helper()
	next, n := int64(math.MaxInt64), 0
	for {
		page := list(t, s, next, 500)
		if len(page) == 0 {
			if n > 0 && next != 1 {
				t.Fatalf("the pages end at sequence %d", next)
			}
			return n
		}
		for _, r := range page {
			if n > 0 && r.Sequence != next-1 {
				t.Fatalf("sequence %d after %d", r.Sequence, next)
			}
			next, n = r.Sequence, n+1
		}
	}
}

func TestListInForce(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		over := ended(1)
		over.KeptUntil = 2000
		revoke(t, s, over)
		in := revoke(t, s, ended(2))
		cut := revoke(t, s, cutoff("a", 1))
		want := []revocation.Revocation{cut, in}
		if got := list(t, s, math.MaxInt64, 10); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}
