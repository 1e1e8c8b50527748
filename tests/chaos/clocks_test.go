//go:build linux

package chaos

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
)

// TestClocks: machines are suspended and their clocks are set, to and fro, while sessions are ended on all of them.
func TestClocks(t *testing.T) {
	t.Parallel()
	db, keys := openStore(t, sqliteFile(t)), secretKeys(t)
	var nodes []*node
	for range 4 {
		n, _ := newNode(t, keys, db, &clock{Clock: session.SystemClock()})
		nodes = append(nodes, n)
	}
	var over atomic.Bool
	var weather, contests sync.WaitGroup
	for i, n := range nodes {
		weather.Go(func() { n.weather(&over, i%2 == 0) })
	}
	for range rounds(2, 300) {
		for range 20 {
			contests.Go(func() {
				time.Sleep(rand.N(3 * time.Second))
				clockRound(t, nodes)
			})
		}
		contests.Wait()
	}
	over.Store(true)
	weather.Wait()
}

// weather troubles a node until it is over: its machine is suspended again and again, or its clock is set to and fro. Both at once,
// a machine whose clock is set back by as much as it slept, nobody can notice from inside; docs/revocation.md says so.
func (n *node) weather(over *atomic.Bool, suspends bool) {
	for !over.Load() {
		time.Sleep(rand.N(2 * time.Second))
		switch {
		case suspends:
			n.clock.suspend(rand.N(5 * time.Second))
		case rand.N(2) == 0:
			n.clock.set(rand.N(20*time.Second) - 10*time.Second)
		default:
			n.clock.set(rand.N(20*time.Millisecond) - 10*time.Millisecond)
		}
	}
}

// clockRound ends one session on one node while all are asked about it.
func clockRound(t *testing.T, nodes []*node) {
	raw := newToken()
	var ended, failed atomic.Bool
	var clients sync.WaitGroup
	for _, n := range nodes {
		clients.Go(func() {
			for late := 0; late < 20; time.Sleep(rand.N(50 * time.Millisecond)) {
				wasLate := ended.Load()
				if wasLate {
					late++
				}
				if n.accepts(raw) && wasLate && !failed.Load() {
					t.Error("accepted after the revoke had returned")
				}
			}
		})
	}
	time.Sleep(rand.N(200 * time.Millisecond))
	if err := nodes[rand.N(len(nodes))].Logout(context.Background(), raw); err != nil {
		t.Error(err)
		failed.Store(true)
	}
	ended.Store(true)
	clients.Wait()
}
