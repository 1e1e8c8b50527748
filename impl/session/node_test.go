package session_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/session"
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

func subject(n byte) session.Subject {
	return session.Subject{Session: session.ID{n, 1}, Identity: "who", Started: 1, HasStarted: true}
}

// wants fails unless refreshing the subject's token gives the error.
func wants(t *testing.T, n *session.Node, of session.Subject, want error) {
	t.Helper()
	if err := n.Refuse(context.Background(), of); !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}

func end(t *testing.T, r *session.Revoker, n byte) session.Revocation {
	t.Helper()
	rev, err := r.EndSession(context.Background(), session.ID{n, 1}, "who", "test")
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
		steps("joins", "Changes", "Now", "Join", "Changes")
		time.Sleep(1001 * time.Millisecond)
		steps("renews", "Now", "Renew", "Changes")
		end(t, newMachine(s).revoker(nil), 1)
		m.taken()
		time.Sleep(time.Second)
		end(t, m.revoker(n), 2)
		m.taken()
		wants(t, n, subject(1), session.ErrRevoked)
		steps("answers from memory", "Now")
		stop()
		steps("leaves", "Leave")
		wants(t, n, subject(2), session.ErrRevoked)
		steps("answers from the store", "Now", "Standing")
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
		end(t, m.revoker(nil), 1)
		if took := time.Since(before); took != session.LeaseTerm {
			t.Errorf("took %v for a silent node, want %v", took, session.LeaseTerm)
		}
		calls := m.taken()
		if first := fmt.Sprint(calls[:5]); first != "[Now Revoke Leases Now Now]" || calls[len(calls)-1] != "DropLease" {
			t.Errorf("calls %v", calls)
		}
		if n.Status().HasLease {
			t.Error("the silent node still answers from memory")
		}
		if leases, err := s.Leases(t.Context()); err != nil || len(leases) != 0 {
			t.Errorf("leases left: %v, %v", leases, err)
		}
		before = time.Now()
		end(t, m.revoker(nil), 2)
		if took := time.Since(before); took != 0 {
			t.Errorf("the next revoke took %v, want none", took)
		}
	})
}

// TestSilentNode: a node that was stopped, with its lease deleted meanwhile, does not answer from memory before it has joined anew.
func TestSilentNode(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		resume := m.halt()
		end(t, newMachine(s).revoker(nil), 1)
		resume()
		wants(t, n, subject(1), session.ErrRevoked)
		awaitLease(n)
		wants(t, n, subject(1), session.ErrRevoked)
		wants(t, n, subject(2), nil)
		if !m.log.has("joining anew") {
			t.Error("the log does not say that it joined anew")
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
				wants(t, n, subject(1), nil)
				want := "[Now Standing]"
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

// TestStoreAway: refreshing goes on while the lease lives, then is unavailable, and comes back with the store.
func TestStoreAway(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		m.away.Store(true)
		time.Sleep(2900 * time.Millisecond)
		wants(t, n, subject(1), nil)
		if _, err := m.revoker(n).EndSession(t.Context(), session.ID{1, 1}, "", ""); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("revoke: %v, want ErrUnavailable", err)
		}
		time.Sleep(100 * time.Millisecond)
		wants(t, n, subject(1), session.ErrUnavailable)
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
		ledger := failing{m}
		r := session.NewRevoker(session.RevokerConfig{Ledger: ledger, Clock: &m.clock})
		if _, err := r.EndIdentity(t.Context(), "who", ""); !errors.Is(err, session.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable", err)
		}
	})
}

type failing struct{ *machine }

func (failing) Leases(context.Context) ([]session.Lease, error) { return nil, session.ErrUnavailable }

// TestReady: a node says what it waits for, and answers from the store meanwhile.
func TestReady(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		end(t, newMachine(s).revoker(nil), 1)
		m := newMachine(s)
		n := m.node()
		if n.Waiting() == "" {
			t.Error("ready before the feed was read")
		}
		wants(t, n, subject(1), session.ErrRevoked)
		run(t, n)
		synctest.Wait()
		if w := n.Waiting(); w != "" {
			t.Errorf("waits: %q", w)
		}
		if st := n.Status(); st.InForce != 1 || st.Lag != 0 || !st.HasLease {
			t.Errorf("status %+v", st)
		}
		if leases, err := s.Leases(t.Context()); err != nil || len(leases) != 1 {
			t.Errorf("leases %v, %v", leases, err)
		}
	})
}

// TestExpiry: with the clock moved on in steps, a revocation stays as long as any token of its session can be valid, and goes then.
func TestExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := newMachine(s)
		n := m.node()
		run(t, n)
		synctest.Wait()
		until := time.UnixMilli(end(t, m.revoker(n), 1).KeptUntil)
		if least := time.Now().Add((365 + 8) * 24 * time.Hour); until.Before(least) {
			t.Errorf("kept until %v, want at least %v", until, least)
		}
		for step := range 40 {
			m.clock.wall.Store(int64(step) * int64(10*24*time.Hour))
			time.Sleep(61 * time.Second)
			want := error(session.ErrRevoked)
			if m.clock.Now().Wall > until.UnixNano()+int64(time.Second) {
				want = nil
			}
			wants(t, n, subject(1), want)
		}
		if st := n.Status(); st.InForce != 0 {
			t.Errorf("%d left in memory", st.InForce)
		}
		if got, err := s.Standing(t.Context(), session.ID{1, 1}, ""); err != nil || got.Revoked {
			t.Errorf("left in the store: %+v, %v", got, err)
		}
	})
}

// TestRestored: under a node the store is replaced by an older copy, which has gone on since. The node keeps what it knows, learns
// what is new, and joins anew.
func TestRestored(t *testing.T) {
	for _, c := range []struct {
		name    string
		since   int   // revocations in the copy since it was made, which had 2 of the 5
		version int64 // of the node's lease in the copy; 0: none
		alarm   string
	}{
		{"shorter", 1, 1, "shorter than what was applied"},
		{"shorter, with the node's very lease", 1, 100, "shorter than what was applied"},
		{"longer", 10, 1, "joining anew"},
		{"longer, without the node's lease", 10, 0, "joining anew"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) {
				m := newMachine(s)
				n := m.node()
				run(t, n)
				synctest.Wait()
				for i := range 5 {
					end(t, m.revoker(n), byte(i))
				}
				time.Sleep(2 * time.Second)
				older := openStore(t, "sqlite::memory:")
				for i := range 2 {
					end(t, newMachine(older).revoker(nil), byte(i))
				}
				for i := range c.since {
					end(t, newMachine(older).revoker(nil), byte(100+i))
				}
				if c.version > 0 {
					leases, err := s.Leases(t.Context())
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
					wants(t, n, subject(byte(i)), session.ErrRevoked)
				}
				for i := range c.since {
					wants(t, n, subject(byte(100+i)), session.ErrRevoked)
				}
				if !n.Status().HasLease {
					t.Error("the node has no lease")
				}
				if !m.log.has(c.alarm) {
					t.Errorf("the log does not say %q", c.alarm)
				}
				// What is acknowledged is what the copy has, or the next revoke would not wait for the node.
				leases, err := older.Leases(t.Context())
				if err != nil || len(leases) != 1 || leases[0].Acknowledged != int64(2+c.since) {
					t.Errorf("leases %v, %v", leases, err)
				}
			})
		})
	}
}

// TestTwoNodes: several nodes on one file, in real time: when a revoke has returned, each refuses.
func TestTwoNodes(t *testing.T) {
	url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	nodes := make([]*session.Node, 3)
	machines := make([]*machine, 3)
	for i := range nodes {
		machines[i] = newMachine(openStore(t, url))
		nodes[i] = machines[i].node()
		run(t, nodes[i])
		awaitLease(nodes[i])
	}
	for round := range 60 {
		of := subject(byte(round))
		for _, n := range nodes {
			wants(t, n, of, nil)
		}
		by := round % 4
		if by < 3 {
			end(t, machines[by].revoker(nodes[by]), byte(round))
		} else {
			end(t, machines[0].revoker(nil), byte(round)) // as another process would
		}
		for i, n := range nodes {
			if err := n.Refuse(context.Background(), of); !errors.Is(err, session.ErrRevoked) {
				t.Errorf("round %d, by %d: node %d gives %v", round, by, i, err)
			}
		}
	}
}
