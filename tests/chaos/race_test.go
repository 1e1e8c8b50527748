//go:build linux

package chaos

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// TestRace: calm weather. A revoke on one server, refreshes on all.
func TestRace(t *testing.T) {
	engines(t, func(t *testing.T, store string, n int) {
		servers := startAll(t, store, n)
		for round := range server.Rounds(200, 5000) {
			c := contest{token: newToken(), calm: true}
			c.hold(t, servers, func() {
				if a := servers[round%n].revoke(c.token); a.status != http.StatusNoContent {
					t.Errorf("revoke: %d %s", a.status, a.body)
				}
			})
			if t.Failed() {
				t.Fatalf("in round %d", round)
			}
		}
	})
}

// TestStopped: a server is stopped somewhere, and goes on when the revoke has returned. Its lease
// is over by then, whatever it was about to do.
func TestStopped(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, store string, n int) {
		t.Parallel()
		servers := startAll(t, store, n)
		for range server.Rounds(3, 200) {
			stoppedOnce(t, servers[0], servers[n-1])
		}
	})
}

func stoppedOnce(t *testing.T, revoker, stopped *node) {
	t.Helper()
	defer stopped.Thaw()
	c := contest{token: newToken()}
	var late sync.WaitGroup
	c.hold(t, []*node{revoker, stopped}, func() {
		revokeWhileStopped(t, revoker, stopped, c.token)
		c.ended.Store(true)
		for range 8 {
			late.Go(func() { c.refresh(t, stopped) })
		}
		time.Sleep(rand.N(20 * time.Millisecond)) // the requests wait at its port, or do not yet
		stopped.Thaw()
	})
	late.Wait()
}

// revokeWhileStopped stops a server and ends a session on another one. A process that is stopped in
// the middle of a write holds SQLite's lock, and revokes are answered 503 for as long: then it goes
// on, and is stopped anew.
func revokeWhileStopped(t *testing.T, revoker, stopped *node, token string) {
	t.Helper()
	for range 5 {
		time.Sleep(rand.N(time.Second)) // anywhere between two renewals
		stopped.Freeze()
		switch a := revoker.revoke(token); a.status {
		case http.StatusNoContent:
			return
		case http.StatusServiceUnavailable, 0:
			stopped.Thaw()
		default:
			t.Fatalf("revoke: %d %s", a.status, a.body)
		}
	}
	t.Fatal("revoke: gave up")
}

// TestKilled: a server dies without a word. A revoke waits for it once, and when it is back it
// knows.
func TestKilled(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, store string, n int) {
		t.Parallel()
		servers := startAll(t, store, n)
		for range server.Rounds(2, 200) {
			c := contest{token: newToken()}
			c.hold(t, servers, func() {
				servers[n-1].Kill()
				mustRevoke(t, servers[0], c.token)
			})
			servers[n-1] = launch(t, store) // it has not read the feed yet, perhaps
			for range 3 {
				if _, status := c.refresh(t,
					servers[n-1]); status != http.StatusUnprocessableEntity {
					t.Errorf("the server that came back answers %d", status)
				}
			}
		}
	})
}
