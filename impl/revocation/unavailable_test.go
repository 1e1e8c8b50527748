package revocation_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestStoreAway: refreshing goes on while the lease lives, then is unavailable, and comes back with
// the store.
func TestStoreAway(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		m.away.Store(true)
		time.Sleep(2900 * time.Millisecond)
		wants(t, n, 1, nil)
		if _, err := m.revoker(
			n).Revoke(t.Context(), ofSession(1)); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("revoke: %v, want ErrUnavailable", err)
		}
		time.Sleep(100 * time.Millisecond)
		wants(t, n, 1, revocation.ErrUnavailable)
		if n.Waiting() == "" {
			t.Error("ready without a lease")
		}
		m.away.Store(false)
		time.Sleep(300 * time.Millisecond)
		if !n.Status().HasLease {
			t.Error("no lease although the store is back")
		}
	})
}

// TestStoreAwayIsLogged now and then, not at each of four attempts a second.
func TestStoreAwayIsLogged(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		run(t, m.node())
		synctest.Wait()
		m.away.Store(true)
		time.Sleep(25 * time.Second)
		m.away.Store(false)
		time.Sleep(time.Second)
		synctest.Wait()
		log := m.log.String()
		if n := strings.Count(log, "could not be renewed"); n != 3 {
			t.Errorf("%d warnings, want 3:\n%s", n, log)
		}
		if n := strings.Count(log, "is renewed again"); n != 1 {
			t.Errorf("told %d times that it is over", n)
		}
	})
}

// TestLeasesUnreadable: a revoke that could not see for whom to wait does not pretend.
func TestLeasesUnreadable(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		r := revocation.NewRevoker(failing{m}, &m.clock, m.logger(), nil)
		if _, err := r.Revoke(t.Context(),
			ofSession(1)); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}

type failing struct{ *machine }

func (failing) Leases(context.Context, revocation.Revocation) ([]revocation.Lease, error) {
	return nil, revocation.ErrUnavailable
}

// TestReady: a node that is not ready names the reason, and answers from the store meanwhile.
func TestReady(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		revoke(t, newMachine(s).revoker(nil), 1)
		m := newMachine(s)
		n := m.node()
		if n.Waiting() == "" {
			t.Error("ready before the feed was read")
		}
		wants(t, n, 1, errRevoked)
		run(t, n)
		synctest.Wait()
		if w := n.Waiting(); w != "" {
			t.Errorf("waits: %q", w)
		}
		if st := n.Status(); st.InForce != 1 || st.Lag != 0 || !st.HasLease {
			t.Errorf("status %+v", st)
		}
		if leases, err := s.PeekLeases(t.Context()); err != nil || len(leases) != 1 {
			t.Errorf("leases %v, %v", leases, err)
		}
	})
}
