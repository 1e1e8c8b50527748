//go:build linux

package rotation

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"kalsel.dev/refresh/tests/server"
)

// redemption is one refresh of a client: the generation that it sent and the one that it received.
// A reuse has two parts: its revocation begins, and some servers know it; it returns, and all do.
type redemption struct {
	presented, given      int64
	begins, ends, revoked bool
}

// line is the state of a session with a window of no length, where time plays no part.
type line struct {
	newest        int64
	acked         bool
	ending, ended bool
}

// sessionModel returns the answers that a single server could have given.
func sessionModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return line{} },
		Step: func(state, input, _ any) (bool, any) {
			now, r := state.(line), input.(redemption)
			behind := now.newest - r.presented
			switch {
			case r.revoked:
				return now.ending, now
			case r.ends:
				allowed := now.ending
				now.ended = true
				return allowed, now
			case now.ended:
				return false, now
			case r.begins:
				now.ending = true
				return behind >= 2 || behind == 1 && now.acked, now
			case behind == 0 && r.given == r.presented:
				// A process that read its clock before another one wrote the rotation sees a
				// rotation in the future.
				now.acked = true
				return r.presented > 0, now
			case behind == 0:
				now.newest, now.acked = r.given, false
				return r.given == r.presented+1, now
			}
			return behind == 1 && !now.acked && r.given == now.newest, now
		},
		DescribeOperation: func(input, _ any) string { return fmt.Sprintf("%+v", input) },
	}
}

// race is clients that present whatever tokens of one session they know of, old ones too.
type race struct {
	mu     sync.Mutex
	tokens []string
	ops    []porcupine.Operation
	odd    []string
}

func (r *race) pick() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	back := 0
	switch n := rand.N(40); {
	case n < 10:
		back = 1
	case n == 10:
		back = 2
	}
	return r.tokens[max(len(r.tokens)-1-back, 0)]
}

func (r *race) note(client int, called time.Time, presented int64, a answer, given int64) {
	returned := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	ops := []redemption{{presented: presented, given: given}}
	switch {
	case a.status == 200:
		if !slices.Contains(r.tokens, a.refresh) {
			r.tokens = append(r.tokens, a.refresh)
		}
	case a.cause() == "token is revoked":
		ops[0].revoked = true
	case a.cause() == "token was reused: the session is revoked":
		ops[0].begins = true
		ops = append(ops, redemption{presented: presented, ends: true})
	default:
		r.odd = append(r.odd, fmt.Sprintf("%d %s", a.status, a.cause()))
		return
	}
	for _, op := range ops {
		r.ops = append(
			r.ops,
			porcupine.Operation{
				ClientId: client,
				Input:    op,
				Call:     called.UnixNano(),
				Return:   returned.UnixNano(),
			},
		)
	}
}

// TestLinearizable: many clients use one session through several processes. Their answers are those
// that a single server could have given.
func TestLinearizable(t *testing.T) {
	eachStore(t, func(t *testing.T, store string) {
		var urls []string
		for range 3 {
			urls = append(
				urls,
				launch(t, "--store="+store, "--rotation-window=0s", "--clock-skew=0s").URL,
			)
		}
		ended := 0
		for range server.Rounds(20, 1000) {
			r := race{tokens: []string{login("ann", time.Now())}}
			var clients sync.WaitGroup
			for client := range 6 {
				clients.Go(func() {
					for range 8 {
						raw, called := r.pick(), time.Now()
						a := redeem(urls[rand.N(len(urls))], raw)
						given := int64(0)
						if a.status == 200 {
							given = claimsOf(t, a.refresh).Generation
						}
						r.note(client, called, claimsOf(t, raw).Generation, a, given)
					}
				})
			}
			clients.Wait()
			if len(r.odd) > 0 {
				t.Fatalf("other answers: %q", r.odd)
			}
			if result := porcupine.CheckOperationsTimeout(sessionModel(), r.ops,
				server.Patience); result != porcupine.Ok {
				t.Fatalf("%s: %+v", result, r.ops)
			}
			if slices.ContainsFunc(
				r.ops,
				func(o porcupine.Operation) bool { return o.Input.(redemption).ends },
			) {
				ended++
			}
		}
		t.Logf("%d sessions ended because a token was reused", ended)
		if ended == 0 {
			t.Error("no token was reused: the test tests half of it")
		}
	})
}
