package guard

import (
	"slices"
	"strings"
	"testing"
)

// explore visits every state breadth first, and returns how many there are and, if one is broken,
// the shortest way to it.
func explore(r *rules) (states int, way []string) {
	type arrival struct {
		world
		from int
		by   string
	}
	start := world{epoch: 1}
	queue, reached := []arrival{{world: start}}, map[world]struct{}{start: {}}
	for at := 0; at < len(queue); at++ {
		w := queue[at].world
		if w.accepted {
			for i := at; i > 0; i = queue[i].from {
				way = append(way, queue[i].by)
			}
			slices.Reverse(way)
			return len(reached), way
		}
		w.next(r, func(by string, v world) {
			if _, ok := reached[v]; !ok {
				reached[v] = struct{}{}
				queue = append(queue, arrival{v, at, by})
			}
		})
	}
	return len(reached), nil
}

// TestModel: in no order of steps, delays, suspends, restores and restarts does a check accept a
// token if it began MaxStale or longer after the answer to the revocation of the session.
func TestModel(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*rules)
	}{
		{"machines are suspended", func(*rules) {}},
		{"wall clocks are set back", func(r *rules) { r.suspends, r.setsBack = false, true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rulesBuilt()
			c.change(&r)
			states, way := explore(&r)
			if way != nil {
				t.Errorf("the token of a revoked session is accepted:\n%s", strings.Join(way, "\n"))
			}
			t.Logf("%d states", states)
		})
	}
}

// TestModelFindsFaults: each rule is needed. Without it the model finds a way to a broken state.
func TestModelFindsFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*rules)
	}{
		{"time noted after the request is sent", func(r *rules) {
			r.follower = []act{send, note, receive, apply, publish}
		}},
		{"time noted when the answer is received", func(r *rules) {
			r.follower = []act{send, receive, note, apply, publish}
		}},
		{"age counted anew before the answer is applied", func(r *rules) {
			r.follower = []act{note, send, receive, publish, apply}
		}},
		{"memory read before the age", func(r *rules) { r.check = []look{readMemory, readAge} }},
		{"age not read", func(r *rules) { r.check = []look{readMemory} }},
		{"stale a tick too late", func(r *rules) { r.stale++ }},
		{"only the monotonic clock", func(r *rules) { r.wall = false }},
		{"only the wall clock", func(r *rules) { r.mono, r.suspends, r.setsBack = false, false, true }},
		{"a page before the head counts", func(r *rules) { r.headOnly = false }},
		{"memory dropped when the feed has lost entries", func(r *rules) { r.keeps = false }},
		{"epochs not compared", func(r *rules) { r.epochs = false }},
		{"epoch replaced after the feed is served again", func(r *rules) { r.epochFirst = false }},
		{"sequences committed out of order", func(r *rules) { r.inOrder = false }},
		{"a page from a database that was replaced", func(r *rules) { r.confirmed = false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := rulesBuilt()
			c.change(&r)
			states, way := explore(&r)
			if way == nil {
				t.Fatalf("nothing was found in %d states", states)
			}
			t.Logf("found in %d states:\n%s", states, strings.Join(way, "\n"))
		})
	}
}
