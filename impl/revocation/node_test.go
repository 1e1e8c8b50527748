package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

func openStore(t *testing.T, url string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// inBubble runs the test with a store in memory and a time that passes only while everything waits.
func inBubble(t *testing.T, test func(t *testing.T, s *store.Store)) {
	synctest.Test(t, func(t *testing.T) { test(t, openStore(t, "sqlite::memory:")) })
}

// kept is how long the tests' revocations are kept.
const kept = 373 * 24 * time.Hour

func sessionID(n byte) revocation.SessionID { return revocation.SessionID{n, 1} }

func ofSession(n byte) revocation.Revocation {
	now := time.Now()
	return revocation.Revocation{
		Kind:      revocation.OfSession,
		Session:   sessionID(n),
		Identity:  "who",
		RevokedAt: now.UnixMilli(),
		KeptUntil: now.Add(kept).UnixMilli(),
	}
}

// errRevoked is the answer of ask for a revoked session.
var errRevoked = errors.New("revoked")

// ask looks up session n, and returns errRevoked if it is revoked.
func ask(n *revocation.Node, session byte) error {
	state, err := n.Lookup(context.Background(), sessionID(session), "who")
	if err == nil && state.Revoked {
		return errRevoked
	}
	return err
}

// wants fails unless asking for the session gives the error.
func wants(t *testing.T, n *revocation.Node, session byte, want error) {
	t.Helper()
	if err := ask(n, session); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func revoke(t *testing.T, r *revocation.Revoker, n byte) revocation.Revocation {
	t.Helper()
	rev, err := r.Revoke(context.Background(), ofSession(n))
	if err != nil {
		t.Fatal(err)
	}
	return rev
}

// TestSteps: the steps come in the order that docs/decisions/0005-strict-revocation.md argues from.
func TestSteps(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		steps := func(name string, want ...string) {
			t.Helper()
			if got := m.taken(); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: %v, want %v", name, got, want)
			}
		}
		stop := run(t, n)
		synctest.Wait()
		steps("joins", "Now", "SameStore", "Load", "Now", "Join", "Follow")
		time.Sleep(1001 * time.Millisecond)
		steps("renews", "SameStore", "Now", "Renew", "Follow")
		revoke(t, newMachine(s).revoker(nil), 1)
		m.taken()
		time.Sleep(time.Second)
		revoke(t, m.revoker(n), 2)
		m.taken()
		wants(t, n, 1, errRevoked)
		steps("answers from memory", "Now")
		stop()
		steps("leaves", "Leave")
		wants(t, n, 2, errRevoked)
		steps("answers from the store", "Now", "Lookup")
	})
}

func TestStepsOfRevoke(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		quiet := newMachine(s)
		n := quiet.node()
		run(t, n)
		synctest.Wait()
		resume := quiet.halt()
		defer resume()
		m := newMachine(s)
		before := time.Now()
		revoke(t, m.revoker(nil), 1)
		if took := time.Since(before); took != revocation.LeaseTerm {
			t.Errorf("took %v for a silent node, want %v", took, revocation.LeaseTerm)
		}
		calls := m.taken()
		if first := fmt.Sprint(calls[:4]); first != "[Revoke Leases Now Now]" ||
			calls[len(calls)-1] != "DropLease" {
			t.Errorf("calls %v", calls)
		}
		if n.Status().HasLease {
			t.Error("the silent node still answers from memory")
		}
		if m.log.has("could not be deleted") {
			t.Error("the log says that the lease was not deleted")
		}
		if leases, err := s.PeekLeases(t.Context()); err != nil || len(leases) != 0 {
			t.Errorf("leases left: %v, %v", leases, err)
		}
		before = time.Now()
		revoke(t, m.revoker(nil), 2)
		if took := time.Since(before); took != 0 {
			t.Errorf("the next revoke took %v, want none", took)
		}
	})
}

// TestSilentNode: a node that was stopped, with its lease deleted meanwhile, does not answer from
// memory before it has joined again.
func TestSilentNode(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		resume := m.halt()
		revoke(t, newMachine(s).revoker(nil), 1)
		resume()
		wants(t, n, 1, errRevoked)
		awaitLease(n)
		wants(t, n, 1, errRevoked)
		wants(t, n, 2, nil)
		if !m.log.has("the node joins again") {
			t.Error("the log does not say that it joined again")
		}
	})
}

// TestExpiry: with the clock moved on in steps, a revocation stays as long as any token of its
// session can be valid, and goes then.
func TestExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		until := time.UnixMilli(revoke(t, m.revoker(n), 1).KeptUntil)
		if least := time.Now().Add(kept - time.Minute); until.Before(least) {
			t.Errorf("kept until %v, want at least %v", until, least)
		}
		for step := range 400 {
			m.clock.wall.Store(int64(step) * int64(23*time.Hour))
			time.Sleep(61 * time.Second)
			want := errRevoked
			if m.clock.Now().Wall > until.UnixNano()+int64(time.Second) {
				want = nil
			}
			wants(t, n, 1, want)
		}
		if st := n.Status(); st.InForce != 0 {
			t.Errorf("%d left in memory", st.InForce)
		}
		if got, err := s.Lookup(t.Context(), revocation.SessionID{1,
			1}, ""); err != nil || got.Revoked {
			t.Errorf("left in the store: %+v, %v", got, err)
		}
	})
}

// TestTwoNodes: several nodes on one file, in real time: when a revoke has returned, each refuses.
func TestTwoNodes(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	nodes := make([]*revocation.Node, 3)
	machines := make([]*machine, 3)
	for i := range nodes {
		machines[i] = newMachine(openStore(t, url))
		nodes[i] = machines[i].node()
		run(t, nodes[i])
		awaitLease(nodes[i])
	}
	for round := range 60 {
		of := byte(round)
		for _, n := range nodes {
			wants(t, n, of, nil)
		}
		by := round % 4
		if by < 3 {
			revoke(t, machines[by].revoker(nodes[by]), byte(round))
		} else {
			revoke(t, machines[0].revoker(nil), byte(round)) // as another process would
		}
		for i, n := range nodes {
			if err := ask(n, of); !errors.Is(err, errRevoked) {
				t.Errorf("round %d, by %d: node %d gives %v", round, by, i, err)
			}
		}
	}
}
