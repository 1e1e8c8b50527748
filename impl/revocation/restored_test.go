package revocation_test

import (
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/store"
)

// TestRestored: under a node the store is replaced by an older copy, which has gone on since. The
// node keeps its revocations, reads the new ones, writes back those that the copy lacks, and joins
// again.
func TestRestored(t *testing.T) {
	for _, c := range []struct {
		name    string
		since   int   // revocations in the copy since it was made, which had 2 of the 5
		version int64 // of the node's lease in the copy; 0: none
		alarm   string
	}{
		{"shorter", 1, 1, "shorter than what was applied"},
		{"shorter, with the node's very lease", 1, 100, "shorter than what was applied"},
		{"shorter, without the node's lease", 1, 0, "shorter than what was applied"},
		{"longer", 10, 1, "the node joins again"},
		{"longer, without the node's lease", 10, 0, "the node joins again"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				m := newMachine(s)
				n := m.node()
				run(t, n)
				synctest.Wait()
				for i := range 5 {
					revoke(t, m.revoker(n), byte(i))
				}
				time.Sleep(2 * time.Second)
				older := openStore(t, "sqlite::memory:")
				for i := range 2 {
					revoke(t, newMachine(older).revoker(nil), byte(i))
				}
				for i := range c.since {
					revoke(t, newMachine(older).revoker(nil), byte(100+i))
				}
				if c.version > 0 {
					leases, err := s.PeekLeases(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					leases[0].Version, leases[0].Acknowledged = c.version, 2
					if err := older.Join(t.Context(), leases[0]); err != nil {
						t.Fatal(err)
					}
				}
				m.store.Store(older)
				time.Sleep(2 * time.Second)
				for i := range 5 {
					wants(t, n, byte(i), errRevoked)
				}
				for i := range c.since {
					wants(t, n, byte(100+i), errRevoked)
				}
				if !n.Status().HasLease {
					t.Error("the node has no lease")
				}
				if shorter := 2+c.since < 5; m.log.has("shorter") != shorter {
					t.Errorf("the log says that the feed is shorter: %v", !shorter)
				}
				if !m.log.has(c.alarm) {
					t.Errorf("the log does not say %q", c.alarm)
				}
				for i := range 5 {
					if state, err := older.Lookup(t.Context(), sessionID(byte(i)),
						""); err != nil || !state.Revoked {
						t.Errorf("session %d was not written back: %+v, %v", i, state, err)
					}
				}
				if got := n.Status().WrittenBack; got != 3 {
					t.Errorf("%d were written back, 3 were lost", got)
				}
				if !m.log.has("alarm: the store had lost revocations") {
					t.Error("the log has no alarm")
				}
				// The node must acknowledge the head of the copy, or the next revoke would not wait
				// for the node.
				leases, err := older.PeekLeases(t.Context())
				if err != nil || len(leases) != 1 || leases[0].Acknowledged != int64(2+c.since+3) {
					t.Errorf("leases %v, %v", leases, err)
				}
			})
		})
	}
}

// TestForkedFeed: a node reads revocations on an old primary that does not confirm the acknowledgement. The
// new primary has other revocations under their sequences, and the node learns those.
func TestForkedFeed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m, fork := newMachine(s), openStore(t, "sqlite::memory:")
		n := m.node()
		run(t, n)
		synctest.Wait()
		leases, err := s.PeekLeases(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for lost := range 2 {
			revoke(t, newMachine(fork).revoker(nil), byte(10+lost))
		}
		if err := fork.Join(t.Context(), leases[0]); err != nil {
			t.Fatal(err)
		}
		m.forked.Store(true)
		m.store.Store(fork)
		n.Wake()
		synctest.Wait()
		wants(t, n, 10, errRevoked) // it has read them
		m.store.Store(s)
		m.forked.Store(false)
		for i := range 3 {
			if _, err := s.Revoke(t.Context(), ofSession(byte(i))); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Second)
		for i := range 3 {
			wants(t, n, byte(i), errRevoked)
		}
		if !n.Status().HasLease {
			t.Error("the node has no lease")
		}
	})
}
