package revocation_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestWriteBackTogether: two nodes write the same lost revocations back at once. Each is added once,
// cut-offs too, and their bounds are the same as before.
func TestWriteBackTogether(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		older := openStore(t, "sqlite::memory:")
		machines := []*machine{newMachine(s), newMachine(s)}
		var nodes []*revocation.Node
		for _, m := range machines {
			nodes = append(nodes, m.node())
			run(t, nodes[len(nodes)-1])
		}
		synctest.Wait()
		const sessions = 1200 // more than two batches
		for i := range sessions {
			if _, err := s.Revoke(t.Context(), numbered(i)); err != nil {
				t.Fatal(err)
			}
		}
		cutoff := revocation.Revocation{
			Kind:      revocation.OfIdentity,
			Identity:  "ana@example.com",
			RevokedAt: time.Now().UnixMilli(),
			KeptUntil: revocation.Forever,
		}
		if _, err := s.Revoke(t.Context(), cutoff); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		for _, m := range machines {
			m.store.Store(older)
		}
		time.Sleep(10 * time.Second)
		written := int64(0)
		for i, n := range nodes {
			st := n.Status()
			written += st.WrittenBack
			if !st.HasLease || st.InForce != sessions+1 {
				t.Errorf("node %d: %+v", i, st)
			}
		}
		if written != sessions+1 {
			t.Errorf("%d were written back, %d were lost", written, sessions+1)
		}
		state, err := older.Lookup(t.Context(), revocation.SessionID{}, "ana@example.com")
		if err != nil || !state.HasCutoff || state.Cutoff != cutoff.RevokedAt/1000 {
			t.Errorf("the cut-off is %+v, %v", state, err)
		}
		// A second loss of a part is repaired too, and nothing is written twice.
		if _, err := older.Expire(t.Context(), time.Now().Add(400*24*time.Hour).UnixMilli(),
			10); err != nil {
			t.Fatal(err)
		}
		for _, l := range leases(t, older) {
			if err := older.DropLease(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Second)
		again := nodes[0].Status().WrittenBack + nodes[1].Status().WrittenBack - written
		if again != 10 {
			t.Errorf("%d were written back the second time, 10 were lost", again)
		}
	})
}

func leases(t *testing.T, s *store.Store) []revocation.Lease {
	t.Helper()
	list, err := s.PeekLeases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// numbered is the revocation of one of many sessions, kept for a year.
func numbered(n int) revocation.Revocation {
	now := time.Now()
	return revocation.Revocation{
		Kind:      revocation.OfSession,
		Session:   revocation.SessionID{byte(n), byte(n >> 8), 1},
		RevokedAt: now.UnixMilli(),
		KeptUntil: now.Add(365 * 24 * time.Hour).UnixMilli(),
	}
}

// TestOwnRevocationLost: the store loses a revocation before the node that made it has read it in the
// feed, and nothing else. The node notices, and writes it back.
func TestOwnRevocationLost(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		time.Sleep(1500 * time.Millisecond)
		other := openStore(t, "sqlite::memory:")
		elsewhere := newMachine(other)
		// The revocation is committed to a store that is lost at once; the node's store is the one that
		// lives on.
		if _, err := elsewhere.revoker(n).Revoke(context.Background(), numbered(1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		state, err := s.Lookup(t.Context(), numbered(1).Session, "")
		if err != nil || !state.Revoked {
			t.Errorf("it was not written back: %+v, %v", state, err)
		}
		if st := n.Status(); st.WrittenBack != 1 || !st.HasLease {
			t.Errorf("%+v", st)
		}
	})
}

// TestOtherStore: the store is replaced by another one. The node ends its lease, says so, and joins
// again when its store is back.
func TestOtherStore(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		revoke(t, m.revoker(n), 1)
		m.replaced.Store(true)
		time.Sleep(1100 * time.Millisecond)
		if n.Status().HasLease {
			t.Error("the node answers from memory")
		}
		if got := n.Waiting(); got != "the store is not the one that this server started with" {
			t.Errorf("the node waits because %q", got)
		}
		time.Sleep(10 * time.Second)
		m.replaced.Store(false)
		time.Sleep(2 * time.Second)
		if !n.Status().HasLease || n.Waiting() != "" {
			t.Errorf("the node has not joined again: %s", n.Waiting())
		}
		wants(t, n, 1, errRevoked)
		if got := m.log.count("alarm: the store is not the one"); got != 1 {
			t.Errorf("%d alarms, want 1", got)
		}
	})
}
