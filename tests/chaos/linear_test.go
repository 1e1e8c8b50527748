//go:build linux

package chaos

import (
	"math"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"kalsel.dev/refresh/tests/server"
)

// The state of a session. A revoke takes effect in two steps. After the first, some servers know it,
// so refreshes may be rejected. After the second, which comes before it returns, all servers know
// it, so refreshes must be rejected.
const (
	live = iota
	ending
	ended
)

type step int

const (
	accepted step = iota
	refused
	begins
	ends
)

// sessionModel says which steps a session's state allows.
func sessionModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return live },
		Step: func(state, input, _ any) (bool, any) {
			now := state.(int)
			switch input.(step) {
			case accepted:
				return now != ended, now
			case refused:
				return now != live, now
			case begins:
				return true, max(now, ending)
			}
			return now != live, ended
		},
		DescribeOperation: func(input, _ any) string {
			return [...]string{"refresh: accepted", "refresh: refused", "revoke begins",
				"revoke returns"}[input.(step)]
		},
	}
}

// history is the requests of all clients for one session, with their answers.
type history struct {
	mu  sync.Mutex
	ops []porcupine.Operation
}

func (h *history) add(client int, called time.Time, steps ...step) {
	h.mu.Lock()
	defer h.mu.Unlock()
	returned := time.Now().UnixNano()
	for _, s := range steps {
		h.ops = append(
			h.ops,
			porcupine.Operation{
				ClientId: client,
				Input:    s,
				Call:     called.UnixNano(),
				Return:   returned,
			},
		)
	}
}

// perhaps notes a revoke without an acknowledgement: it may take effect at any time from then on,
// or never.
func (h *history) perhaps(client int, called time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops = append(
		h.ops,
		porcupine.Operation{
			ClientId: client,
			Input:    begins,
			Call:     called.UnixNano(),
			Return:   math.MaxInt64,
		},
	)
}

func (h *history) refresh(client int, s *node, token string) {
	called := time.Now()
	switch s.refresh(token).status {
	case http.StatusOK:
		h.add(client, called, accepted)
	case http.StatusUnprocessableEntity:
		h.add(client, called, refused)
	}
}

func (h *history) revoke(client int, s *node, token string) {
	called := time.Now()
	if s.revoke(token).status == http.StatusNoContent {
		h.add(client, called, begins, ends)
		return
	}
	h.perhaps(client, called)
}

// TestLinearizable: many clients use several servers, which are frozen and cut off meanwhile. Their
// answers are those that a single server without faults could have given.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	url := shared.Postgres(t).NewDatabase(t)
	var servers []*node
	var proxies []*server.Proxy
	for range 3 {
		p, own := through(t, url)
		proxies, servers = append(proxies, p), append(servers, start(t, own))
	}
	stop := trouble(servers, proxies)
	defer stop()
	for range server.Rounds(8, 600) {
		var sessions sync.WaitGroup
		for range 8 {
			sessions.Go(func() { oneHistory(t, servers) })
		}
		sessions.Wait()
	}
}

func oneHistory(t *testing.T, servers []*node) {
	var h history
	token := newToken()
	var clients sync.WaitGroup
	for client := range 6 {
		clients.Go(func() {
			for range 6 {
				h.refresh(client, servers[rand.N(len(servers))], token)
				if client < 2 && rand.N(4) == 0 {
					h.revoke(client, servers[rand.N(len(servers))], token)
				}
			}
		})
	}
	clients.Wait()
	if !porcupine.CheckOperations(sessionModel(), h.ops) {
		t.Errorf("no order explains what the clients saw:\n%s", h.describe())
	}
}

func (h *history) describe() string {
	model, text := sessionModel(), ""
	for _, op := range h.ops {
		text += time.Unix(0, op.Call).
			Format("05.000000") +
			" to " + time.Unix(0, op.Return).
			Format("05.000000") +
			" " +
			model.DescribeOperation(
				op.Input,
				nil,
			) + "\n"
	}
	return text
}

// trouble stops servers for a moment, and cuts their connections, until it is told to stop.
func trouble(servers []*node, proxies []*server.Proxy) (stop func()) {
	over := make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		for {
			i := rand.N(len(servers))
			select {
			case <-over:
				return
			case <-time.After(rand.N(400 * time.Millisecond)):
			}
			if rand.N(3) > 0 {
				proxies[i].Cut()
				continue
			}
			servers[i].Freeze()
			time.Sleep(rand.N(200 * time.Millisecond))
			servers[i].Thaw()
		}
	})
	return func() {
		close(over)
		group.Wait()
	}
}

// TestModel: the model itself tells right from wrong.
func TestModel(t *testing.T) {
	op := func(s step, call, ret int64) porcupine.Operation {
		return porcupine.Operation{Input: s, Call: call, Return: ret}
	}
	for _, c := range []struct {
		name string
		ops  []porcupine.Operation
		want bool
	}{
		{"accepted, ended, refused",
			[]porcupine.Operation{op(accepted, 0, 1), op(begins, 2, 3), op(ends, 2, 3),
				op(refused, 4, 5)}, true},
		{"accepted after the end",
			[]porcupine.Operation{op(begins, 0, 1), op(ends, 0, 1), op(accepted, 2, 3)}, false},
		{"accepted while it ends, after a refusal",
			[]porcupine.Operation{op(begins, 0, 9), op(ends, 0, 9), op(refused, 1, 2),
				op(accepted, 3, 4)}, true},
		{"began before the end returned",
			[]porcupine.Operation{op(begins, 0, 3), op(ends, 0, 3), op(accepted, 2, 9)}, true},
		{"refused for nothing", []porcupine.Operation{op(refused, 0, 1)}, false},
		{"refused before the revoke was called",
			[]porcupine.Operation{op(refused, 0, 1), op(begins, 2, 3), op(ends, 2, 3)}, false},
		{"not acknowledged, effective",
			[]porcupine.Operation{op(begins, 0, math.MaxInt64), op(refused, 2, 3),
				op(accepted, 4, 5)}, true},
		{"not acknowledged, without effect",
			[]porcupine.Operation{op(begins, 0, math.MaxInt64), op(accepted, 2, 3)}, true},
	} {
		if got := porcupine.CheckOperations(sessionModel(), c.ops); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
