package revocation_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
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
		if first := fmt.Sprint(calls[:4]); first != "[Revoke Leases Now Now]" || calls[len(calls)-1] != "DropLease" {
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

// TestClocks: a term ends by whichever clock is first, and when the wall clock is set back.
func TestClocks(t *testing.T) {
	for _, c := range []struct {
		name       string
		mono, wall time.Duration
		live       bool
	}{
		{"just before", 2900 * time.Millisecond, 2900 * time.Millisecond, true},
		{"allowance for drift", 2970 * time.Millisecond, 2970 * time.Millisecond, false},
		{"over by the monotonic clock alone", 2970 * time.Millisecond, 0, false},
		{"over by the wall clock alone", 0, 2970 * time.Millisecond, false},
		{"suspended", 0, 3 * time.Second, false},
		{"wall clock stands", 3 * time.Second, 0, false},
		{"wall clock set back", time.Second, -time.Second, false},
		{"wall clock set far ahead", 0, 24 * time.Hour, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				m := newMachine(s)
				n := m.node()
				run(t, n)
				synctest.Wait()
				m.clock.mono.Store(int64(c.mono))
				m.clock.wall.Store(int64(c.wall))
				m.taken()
				wants(t, n, 1, nil)
				want := "[Now Lookup]"
				if c.live {
					want = "[Now]"
				}
				if got := fmt.Sprint(m.taken()); got != want {
					t.Errorf("calls %v, want %v", got, want)
				}
			})
		})
	}
}

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
		if _, err := m.revoker(n).Revoke(t.Context(), ofSession(1)); !errors.Is(err, revocation.ErrUnavailable) {
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
		if _, err := r.Revoke(t.Context(), ofSession(1)); !errors.Is(err, revocation.ErrUnavailable) {
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
		if got, err := s.Lookup(t.Context(), revocation.SessionID{1, 1}, ""); err != nil || got.Revoked {
			t.Errorf("left in the store: %+v, %v", got, err)
		}
	})
}

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
					if state, err := older.Lookup(t.Context(), sessionID(byte(i)), ""); err != nil || !state.Revoked {
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

// TestClockFarAhead: a node whose clock is 400 days ahead forgets no revocation that others need,
// and says that its clock is wrong.
func TestClockFarAhead(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		right := newMachine(s)
		n := right.node()
		run(t, n)
		synctest.Wait()
		revoke(t, right.revoker(n), 1)
		time.Sleep(61 * time.Second)
		wrong := newMachine(s)
		wrong.clock.wall.Store(int64(400 * 24 * time.Hour))
		ahead := wrong.node()
		stop := run(t, ahead)
		time.Sleep(time.Hour)
		for name, node := range map[string]*revocation.Node{"right": n, "ahead": ahead} {
			if err := ask(node, 1); !errors.Is(err, errRevoked) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if state, err := s.Lookup(t.Context(), sessionID(1), ""); err != nil || !state.Revoked {
			t.Errorf("the store has forgotten the revocation: %+v, %v", state, err)
		}
		if log := wrong.log.String(); strings.Count(log, "alarm=clean_up_behind") != 1 {
			t.Errorf("the log does not say once that the clock is wrong:\n%s", log)
		}
		if right.log.has("alarm=") {
			t.Error("the machine whose clock is right raises an alarm")
		}
		stop()
	})
}
