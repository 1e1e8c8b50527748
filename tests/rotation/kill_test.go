//go:build linux

package rotation

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// fleet is servers on one store that are killed and replaced. SQLite has one, PostgreSQL two.
type fleet struct {
	store string
	live  []atomic.Pointer[node]
}

func newFleet(t *testing.T, store string) *fleet {
	t.Helper()
	f := &fleet{store: store, live: make([]atomic.Pointer[node], 1)}
	if strings.HasPrefix(store, "postgres:") {
		f.live = make([]atomic.Pointer[node], 2)
	}
	for i := range f.live {
		f.live[i].Store(f.launch(t))
	}
	return f
}

// launch: the window is shorter than a round, so that answers come from every row of the table.
func (f *fleet) launch(t *testing.T) *node {
	return launch(t, "--store="+f.store, "--rotation-window=20ms", "--clock-skew=0s")
}

func (f *fleet) any() *node { return f.live[rand.N(len(f.live))].Load() }

// lineage holds the tokens that a client has received for its session, one for each generation.
type lineage struct {
	tokens map[int64]string
	newest string
	count  int // of answers
}

// step redeems the newest token until there is an answer, as an honest client does.
func (l *lineage) step(t *testing.T, f *fleet, stop *atomic.Bool) error {
	before := claimsOf(t, l.newest).Generation
	for {
		n := f.any()
		a := redeem(n.URL, l.newest)
		if n.Ended() {
			a = answer{} // lost; another server may have the port by now
		}
		switch a.status {
		case 200:
			l.count++
			return l.accept(before, claimsOf(t, a.refresh).Generation, a.refresh)
		case 0, 503:
			if stop.Load() {
				return nil
			}
			time.Sleep(time.Millisecond)
		default:
			return fmt.Errorf("logged out at generation %d: %d %s", before, a.status, a.cause())
		}
	}
}

func (l *lineage) accept(before, after int64, token string) error {
	if after != before && after != before+1 {
		return fmt.Errorf("generation %d follows %d", after, before)
	}
	if known, seen := l.tokens[after]; seen && known != token {
		return fmt.Errorf("two different tokens have generation %d", after)
	}
	l.tokens[after], l.newest = token, token
	return nil
}

// TestKill: servers are killed at random moments under load. Every client goes on from the last
// token that it received, none is logged out, and no session has two branches.
func TestKill(t *testing.T) {
	eachStore(t, func(t *testing.T, store string) {
		f := newFleet(t, store)
		const clients = 16
		var stop atomic.Bool
		var group sync.WaitGroup
		lines := make([]*lineage, clients)
		for i := range lines {
			lines[i] = &lineage{
				tokens: map[int64]string{},
				newest: login(fmt.Sprint("client ", i), time.Now()),
			}
			group.Go(func() {
				for !stop.Load() {
					if err := lines[i].step(t, f, &stop); err != nil {
						t.Errorf("client %d: %v", i, err)
						return
					}
				}
			})
		}
		for round := range server.Rounds(20, 300) {
			time.Sleep(rand.N(60 * time.Millisecond))
			victim := round % len(f.live)
			f.live[victim].Load().Kill()
			if postgres := strings.HasPrefix(store, "postgres:"); postgres && round%10 == 9 {
				crash(t)
			}
			f.live[victim].Store(f.launch(t))
		}
		time.Sleep(50 * time.Millisecond)
		stop.Store(true)
		group.Wait()
		total, generations := 0, int64(0)
		for i, l := range lines {
			if err := l.step(t, f, new(atomic.Bool)); err != nil {
				t.Errorf("client %d in the end: %v", i, err)
			}
			total += l.count
			generations += claimsOf(t, l.newest).Generation
		}
		t.Logf("%d answers, %d generations", total, generations)
		if generations < clients {
			t.Error("the sessions have not moved on: the test tests nothing")
		}
	})
}

// crash ends the database's processes at once and starts it again.
func crash(t *testing.T) {
	t.Helper()
	database := shared.Postgres(t)
	database.Crash()
	if err := database.Resume(); err != nil {
		t.Error(err)
	}
}
