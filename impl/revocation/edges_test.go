package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestFollowFails: a node that is woken reads the feed and goes on waiting. If it cannot read the
// feed, it renews its lease at once.
func TestFollowFails(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		wants := func(name, want string) {
			t.Helper()
			synctest.Wait()
			if got := fmt.Sprint(m.taken()); got != want {
				t.Errorf("%s: calls %v, want %v", name, got, want)
			}
		}
		wants("joins", "[Now SameStore Load Now Join Follow]")
		if log := m.log.String(); log != "" {
			t.Errorf("the first lease is logged:\n%s", log)
		}
		n.Wake()
		wants("woken", "[Follow]")
		m.away.Store(true)
		n.Wake()
		wants("woken while the store is away", "[Follow SameStore Now]") // the last for the warning
		m.away.Store(false)
		time.Sleep(251 * time.Millisecond)
		wants("tries again", "[SameStore Now Renew Follow]")
	})
}

// TestLeaseAge: the age of the lease counts from the note of the time before it was written.
func TestLeaseAge(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		time.Sleep(time.Hour) // the monotonic clock does not start at 0
		if st := n.Status(); st.HasLease || st.LeaseAge != time.Hour {
			t.Errorf("before the lease: %+v", st)
		}
		stop := run(t, n)
		synctest.Wait()
		time.Sleep(400 * time.Millisecond)
		if st := n.Status(); !st.HasLease || st.LeaseAge != 400*time.Millisecond {
			t.Errorf("after 400 ms: %+v", st)
		}
		stop()
		if st := n.Status(); st.HasLease || st.LeaseAge != 400*time.Millisecond {
			t.Errorf("after the end: %+v", st)
		}
	})
}

// TestLeave: only a lease that could not be deleted is worth a line.
func TestLeave(t *testing.T) {
	for _, away := range []bool{false, true} {
		inBubble(t, func(t *testing.T, s *store.Store) {
			m := newMachine(s)
			stop := run(t, m.node())
			synctest.Wait()
			m.away.Store(away)
			stop()
			if warned := m.log.has("could not be deleted"); warned != away {
				t.Errorf("store away %v, warned %v", away, warned)
			}
		})
	}
}

// hanging is a machine whose store does not answer a renewal before the caller gives up.
type hanging struct {
	*machine
	waits chan time.Duration
}

func (h hanging) Renew(ctx context.Context, _ revocation.Lease, _ int64) (bool, error) {
	since := time.Now()
	<-ctx.Done()
	h.waits <- time.Since(since)
	return false, revocation.ErrUnavailable
}

// TestStoreHangs: one renewal may take half a lease, so that there is time for another one.
func TestStoreHangs(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		h := hanging{newMachine(s), make(chan time.Duration, 10)}
		n := revocation.NewNode(h, &h.clock, h.logger())
		run(t, n)
		for range 2 {
			if took := <-h.waits; took != revocation.LeaseTerm/2 {
				t.Errorf("a renewal that hangs took %v, want %v", took, revocation.LeaseTerm/2)
			}
		}
	})
}

// TestCutoffsOfMemoryAndStore: without a lease, the later one of two cut-offs counts: the store may
// be an older copy, and the memory may not have read the last changes.
func TestCutoffsOfMemoryAndStore(t *testing.T) {
	at := func(second int64) revocation.Revocation {
		return revocation.Revocation{
			Kind:      revocation.OfIdentity,
			Identity:  "who",
			RevokedAt: second * 1000,
			KeptUntil: revocation.Forever,
		}
	}
	const none = 0
	for _, c := range []struct{ memory, stored, want int64 }{
		{none, none, none},
		{1000, none, 1000},
		{none, 1000, 1000},
		{1000, 999, 1000},
		{1000, 1000, 1000},
		{1000, 1001, 1001},
	} {
		inBubble(t, func(t *testing.T, s *store.Store) {
			m, other := newMachine(s), openStore(t, "sqlite::memory:")
			n := m.node()
			stop := run(t, n)
			synctest.Wait()
			for of, second := range map[*store.Store]int64{s: c.memory, other: c.stored} {
				if second == none {
					continue
				}
				_, err := revocation.NewRevoker(of, &m.clock, m.logger(),
					nil).Revoke(t.Context(), at(second))
				if err != nil {
					t.Fatal(err)
				}
			}
			stop()
			m.store.Store(other)
			state, err := n.Lookup(t.Context(), sessionID(1), "who")
			if err != nil || state.Cutoff != c.want || state.HasCutoff != (c.want != none) {
				t.Errorf("memory %d, store %d: got %+v, %v", c.memory, c.stored, state, err)
			}
		})
	}
}

// acknowledged is a machine whose leases are read late, when the node has acknowledged already.
type acknowledged struct {
	*machine
	by *revocation.Node
}

func (a acknowledged) Leases(
	ctx context.Context, r revocation.Revocation,
) ([]revocation.Lease, error) {
	a.by.Wake()
	synctest.Wait()
	return a.machine.Leases(ctx, r)
}

// TestAcknowledgedAlready: a revoke does not wait for a node that has acknowledged, nor read the
// leases again.
func TestAcknowledgedAlready(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		n := newMachine(s).node()
		run(t, n)
		synctest.Wait()
		m := newMachine(s)
		r := revocation.NewRevoker(acknowledged{m, n}, &m.clock, m.logger(), nil)
		if _, err := r.Revoke(t.Context(), ofSession(1)); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(m.taken()); got != "[Revoke Leases Now]" {
			t.Errorf("calls %v", got)
		}
	})
}

// TestNodeID: an ID leads to its machine, and no two are the same.
func TestNodeID(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(nil)
	one, other := m.node().ID(), m.node().ID()
	if !strings.HasPrefix(one, host+".") || one == other {
		t.Errorf("IDs %q and %q on %q", one, other, host)
	}
}

// TestRemoves: rows are removed in batches until one is not full, or fails.
func TestRemoves(t *testing.T) {
	for name, c := range map[string]struct {
		finds []int // -1: an error
		calls int
	}{
		"nothing":             {[]int{0}, 1},
		"less than a batch":   {[]int{499}, 1},
		"two batches and one": {[]int{500, 500, 1}, 3},
		"a batch exactly":     {[]int{500, 0}, 2},
		"an error":            {[]int{-1, 1}, 1},
		"an error later":      {[]int{500, -1, 1}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				calls := 0
				remove := func(_ context.Context, _ int64, limit int) (int, error) {
					found := c.finds[min(calls, len(c.finds)-1)]
					calls++
					if limit != 500 {
						t.Errorf("limit %d", limit)
					}
					if found < 0 {
						return 500, errors.New("away") // a batch may fail when it was full
					}
					return found, nil
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan struct{})
				go func() {
					defer close(done)
					newMachine(s).node().Run(ctx, remove)
				}()
				time.Sleep(61 * time.Second)
				synctest.Wait()
				cancel()
				<-done
				if calls != c.calls {
					t.Errorf("%d calls in the first minute, want %d", calls, c.calls)
				}
			})
		})
	}
}
