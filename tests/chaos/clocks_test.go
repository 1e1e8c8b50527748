//go:build linux

package chaos

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/tests/server"
)

// TestClocks: machines are suspended, or cut off with their clocks set back, while sessions are
// ended on all of them.
func TestClocks(t *testing.T) {
	t.Parallel()
	db, keys := openStore(t, sqliteFile(t)), secretKeys(t)
	var nodes []*session.Service
	var over atomic.Bool
	var weather, contests sync.WaitGroup
	for i := range 5 {
		m := newMachine(db)
		n := newService(keys, m, m)
		run(t, n)
		nodes = append(nodes, n)
		if i > 0 { // the first has good weather
			weather.Go(func() { m.weather(&over, i%2 == 0) })
		}
	}
	for range server.Rounds(1, 300) {
		for range 30 {
			contests.Go(func() {
				time.Sleep(rand.N(10 * time.Second))
				clockRound(t, nodes)
			})
		}
		contests.Wait()
	}
	over.Store(true)
	weather.Wait()
}

// clockRound ends one session on one node while all are asked about it.
func clockRound(t *testing.T, nodes []*session.Service) {
	t.Helper()
	raw := newToken()
	var ended, failed atomic.Bool
	var clients sync.WaitGroup
	ask := func(n *session.Service) (wasLate bool) {
		wasLate = ended.Load()
		if accepts(n, raw) && wasLate && !failed.Load() {
			t.Error("accepted after the revoke had returned")
		}
		return wasLate
	}
	for _, n := range nodes {
		clients.Go(func() {
			for !ask(n) {
				time.Sleep(rand.N(20 * time.Millisecond))
			}
		})
	}
	time.Sleep(rand.N(200 * time.Millisecond))
	revoker := nodes[0]
	if rand.N(4) == 0 {
		revoker = nodes[rand.N(len(nodes))]
	}
	err := revoker.Logout(context.Background(), raw)
	for try := 1; errors.Is(err, revocation.ErrUnavailable) && try < 20; try++ {
		err = revoker.Logout(context.Background(), raw) // as a caller does after a 503
	}
	if err != nil {
		t.Error(err)
		failed.Store(true)
	}
	ended.Store(true)
	// Some of these wait at a machine that sleeps, and are the first that it sees when it wakes.
	for _, n := range nodes {
		for range 3 {
			clients.Go(func() { ask(n) })
		}
	}
	clients.Wait()
}
