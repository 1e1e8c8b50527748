package revocation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

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
