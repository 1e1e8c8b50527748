package revocation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// event names a transition, and the node that makes it if there is one.
type event struct {
	what string
	node int8 // -1: nobody's
}

func (e event) String() string {
	if e.node < 0 {
		return e.what
	}
	return fmt.Sprintf("node %d %s", e.node, e.what)
}

// next calls visit with every state that one transition leads to.
func (w world) next(d *design, visit func(event, world)) {
	for i := range w.nodes {
		w.nextOfNode(i, d, visit)
	}
	w.nextOfRevoker(d, visit)
	w.ticks(d, visit)
}

func (w world) nextOfNode(i int, d *design, visit func(event, world)) {
	change := func(what string, f func(*modelNode)) {
		v := w
		f(&v.nodes[i])
		v.tidy(d)
		visit(event{what, int8(i)}, v)
	}
	n := &w.nodes[i]
	switch {
	case n.dead:
		// A new process has a new lease. The old one is not renewed.
		change("starts again", func(n *modelNode) { *n = modelNode{} })
		return
	case n.leaving:
		change("ends its leaving", func(n *modelNode) { n.leave(!d.leavesFirst); n.dead = true })
		return
	}
	change(d.node[n.at].String(), func(n *modelNode) { n.step(d, w.head) })
	change("crashes", func(n *modelNode) { n.dead = true })
	if n.at != 0 {
		return
	}
	change("begins to leave", func(n *modelNode) { n.leave(d.leavesFirst); n.leaving = true })
	if n.joined {
		change("is woken", func(n *modelNode) { n.follows, n.at = true, uint8(slices.Index(d.node, read)) })
	}
}

// leave does one half of leaving.
func (n *modelNode) leave(deletes bool) {
	if deletes {
		n.row = modelRow{}
		return
	}
	n.answers = false
}

func (w world) nextOfRevoker(d *design, visit func(event, world)) {
	change := func(what string, f func(*world)) {
		v := w
		f(&v)
		v.tidy(d)
		visit(event{what, -1}, v)
	}
	switch {
	case w.revoker == starts && w.entry == modelEntries:
	case w.revoker == starts && d.leasesFirst:
		change("revoker reads the leases", func(w *world) { w.readLeases(w.entry+1, d); w.revoker = waiting })
	case w.revoker == starts:
		change("revoker commits", func(w *world) { w.commit(); w.revoker = second })
	case w.revoker == second:
		change("revoker reads the leases", func(w *world) { w.readLeases(w.entry, d); w.revoker = waiting })
	case d.leasesFirst && w.entry == w.returned:
		change("revoker commits", (*world).commit)
	default:
		w.nextOfWaiting(d, change)
	}
}

func (w world) nextOfWaiting(d *design, change func(string, func(*world))) {
	looked := w
	if all := looked.poll(); all {
		change("revoker sees all acknowledged and returns", func(w *world) { w.poll(); w.finish(false, false) })
	} else if looked != w {
		change("revoker looks", func(w *world) { w.poll() })
	}
	if w.waited >= d.wait {
		change("revoker deletes the silent and returns", func(w *world) { w.finish(true, d.dropAlways) })
		change("revoker fails to delete and returns", func(w *world) { w.finish(false, false) })
	}
}

// ticks lets time pass. Each machine may be suspended during a tick; the revoker's waits longer
// then.
func (w world) ticks(d *design, visit func(event, world)) {
	names := []string{"a tick passes", "a tick passes, node 0 asleep", "a tick passes, node 1 asleep", "a tick passes, both asleep"}
	for suspended, name := range names {
		if suspended > 0 && !d.suspends {
			break
		}
		v := w
		for i := range v.nodes {
			asleep := suspended>>i&1 == 1
			v.nodes[i].noted.pass(asleep, v.nodes[i].at > 0 && !v.nodes[i].follows)
			v.nodes[i].term.pass(asleep, v.nodes[i].answers)
		}
		if v.revoker == waiting && v.entry > v.returned {
			v.waited = min(v.waited+1, modelTerm)
		}
		v.tidy(d)
		visit(event{name, -1}, v)
	}
	for i := range w.nodes {
		if d.setsBack {
			v := w
			v.nodes[i].noted.wall, v.nodes[i].term.wall = 0, 0
			visit(event{"has its wall clock set back", int8(i)}, v)
		}
	}
}

func (a *age) pass(asleep, counts bool) {
	if !counts {
		return
	}
	a.wall = min(a.wall+1, modelTerm)
	if !asleep {
		a.mono = min(a.mono+1, modelTerm)
	}
}

// canonical is the same for a state and its mirror image: the nodes are alike, unless one of them
// is the revoker's.
func (w world) canonical(d *design) world {
	if !d.sameProcess && w.nodes[0].less(&w.nodes[1]) {
		w.nodes[0], w.nodes[1] = w.nodes[1], w.nodes[0]
	}
	return w
}

func (n *modelNode) less(o *modelNode) bool { return n.key() < o.key() }

func (n *modelNode) key() uint64 {
	k := uint64(0)
	for _, b := range [...]bool{n.dead, n.joined, n.follows, n.answers, n.row.there, n.row.renewed, n.row.awaited, n.leaving} {
		k <<= 1
		if b {
			k |= 1
		}
	}
	for _, u := range [...]uint8{n.at, n.noted.mono, n.noted.wall, n.seen, n.applied, n.term.mono, n.term.wall, n.row.acked} {
		k = k<<3 | uint64(u)
	}
	return k
}

// explore visits every state breadth first, and returns how many there are and, if one is broken,
// the shortest way to it.
func explore(d *design) (states int, way []string) {
	type arrival struct {
		world
		from int
		by   event
	}
	queue := []arrival{{}}
	reached := map[world]struct{}{{}: {}}
	for at := 0; at < len(queue); at++ {
		w := queue[at].world
		if w.broken(d) {
			for i := at; i > 0; i = queue[i].from {
				way = append(way, queue[i].by.String())
			}
			slices.Reverse(way)
			return len(reached), way
		}
		w.next(d, func(by event, v world) {
			v = v.canonical(d)
			if _, ok := reached[v]; !ok {
				reached[v] = struct{}{}
				queue = append(queue, arrival{v, at, by})
			}
		})
	}
	return len(reached), nil
}

// TestModel: in no order of steps, stops, suspends and crashes does a refresh succeed that starts
// after the revoke returned.
func TestModel(t *testing.T) {
	skipIfShort(t)
	for _, c := range []struct {
		name   string
		change func(*design)
	}{
		{"machines are suspended", func(*design) {}},
		{"wall clocks are set back", func(d *design) { d.suspends, d.setsBack = false, true }},
		{"a node in the revoker's process", func(d *design) { d.sameProcess = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := right()
			c.change(&d)
			states, way := explore(&d)
			if way != nil {
				t.Errorf("a revoked session is accepted:\n%s", strings.Join(way, "\n"))
			}
			t.Logf("%d states", states)
		})
	}
}

// TestModelFindsFaults: each part of the protocol is needed. Without it the model finds a way to a
// broken state.
func TestModelFindsFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*design)
	}{
		{"lease written after the feed is read", func(d *design) { d.node = []act{note, read, write, publish, ack} }},
		{"time noted after the lease is written", func(d *design) { d.node = []act{write, note, read, publish, ack} }},
		{"time noted after the feed is read", func(d *design) { d.node = []act{write, read, note, publish, ack} }},
		{"acknowledged before applied", func(d *design) { d.node = []act{note, write, read, ack, publish} }},
		{"leases read before the commit", func(d *design) { d.leasesFirst = true }},
		{"revoker waits too short", func(d *design) { d.wait = modelTerm - 1 }},
		{"renewed lease deleted", func(d *design) { d.dropAlways = true }},
		{"only the monotonic clock", func(d *design) { d.wall = false }},
		{"only the wall clock", func(d *design) { d.mono, d.suspends, d.setsBack = false, false, true }},
		{"lease deleted before answering stops", func(d *design) { d.leavesFirst = true }},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := right()
			c.change(&d)
			states, way := explore(&d)
			if way == nil {
				t.Fatalf("nothing was found in %d states", states)
			}
			t.Logf("found in %d states:\n%s", states, strings.Join(way, "\n"))
		})
	}
}
