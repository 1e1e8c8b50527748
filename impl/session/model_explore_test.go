package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// next calls visit with every state that one transition leads to.
func (w world) next(d design, visit func(string, world)) {
	for i := range w.nodes {
		w.nextOfNode(i, d, visit)
	}
	w.nextOfRevoker(d, visit)
	w.ticks(d, visit)
}

func (w world) nextOfNode(i int, d design, visit func(string, world)) {
	change := func(name string, f func(*modelNode)) {
		v := w
		f(&v.nodes[i])
		v.tidy(d)
		visit(fmt.Sprintf("node %d %s", i, name), v)
	}
	n := w.nodes[i]
	switch {
	case n.dead:
		// A new process has a new lease; nobody renews the old one.
		change("starts again", func(n *modelNode) { *n = modelNode{} })
		return
	case n.leaving:
		change("ends its leaving", func(n *modelNode) { n.leave(!d.leavesFirst); n.dead = true })
		return
	}
	change([]string{"notes the time", "writes its lease", "reads the feed", "applies and answers", "acknowledges"}[d.node[n.at]],
		func(n *modelNode) { n.step(d, w.head) })
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

func (w world) nextOfRevoker(d design, visit func(string, world)) {
	change := func(name string, f func(*world)) {
		f(&w)
		w.tidy(d)
		visit("revoker "+name, w)
	}
	switch {
	case w.revoker == starts && w.entry == modelEntries:
	case w.revoker == starts && d.leasesFirst:
		// The marks of who is awaited last only in waiting, so the wrong order is one step, with all else in between.
		change("reads the leases", func(w *world) { w.readLeases(w.entry+1, d); w.revoker = waiting; w.waited = 0 })
	case w.revoker == starts:
		change("commits", func(w *world) { w.commit(); w.revoker = second })
	case w.revoker == second:
		change("reads the leases", func(w *world) { w.readLeases(w.entry, d); w.revoker = waiting })
	case d.leasesFirst && w.entry == w.returned:
		change("commits", func(w *world) { w.commit() })
	default:
		w.nextOfWaiting(d, visit)
	}
}

func (w world) nextOfWaiting(d design, visit func(string, world)) {
	change := func(name string, drop bool) {
		v := w
		v.finish(drop, d.dropAlways)
		v.tidy(d)
		visit(name, v)
	}
	looked := w
	if all := looked.poll(); all {
		looked.finish(false, false)
		looked.tidy(d)
		visit("revoker sees all acknowledged and returns", looked)
	} else if looked != w {
		visit("revoker looks", looked)
	}
	if w.waited >= d.wait {
		change("revoker deletes the silent and returns", true)
		change("revoker fails to delete and returns", false)
	}
}

// ticks lets time pass. Each machine may be suspended during a tick; the revoker's waits longer then.
func (w world) ticks(d design, visit func(string, world)) {
	for suspended := range 4 {
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
		visit(fmt.Sprintf("a tick passes, asleep %02b", suspended), v)
	}
	for i := range w.nodes {
		if d.setsBack {
			v := w
			v.nodes[i].noted.wall, v.nodes[i].term.wall = 0, 0
			visit(fmt.Sprintf("node %d: the wall clock is set back", i), v)
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

// canonical is the same for a state and its mirror image: the nodes are alike, unless one of them is the revoker's.
func (w world) canonical(d design) world {
	if !d.sameProcess && w.nodes[0].less(&w.nodes[1]) {
		w.nodes[0], w.nodes[1] = w.nodes[1], w.nodes[0]
	}
	return w
}

func (n *modelNode) less(o *modelNode) bool { return n.key() < o.key() }

func (n *modelNode) key() uint64 {
	var k uint64
	for _, b := range []bool{n.dead, n.joined, n.follows, n.answers, n.row.there, n.row.renewed, n.row.awaited, n.leaving} {
		k <<= 1
		if b {
			k |= 1
		}
	}
	for _, u := range []uint8{n.at, n.noted.mono, n.noted.wall, n.seen, n.applied, n.term.mono, n.term.wall, n.row.acked} {
		k = k<<3 | uint64(u)
	}
	return k
}

// explore visits every state breadth first, and returns how many there are and, if one is broken, the shortest way to it.
func explore(d design) (states int, way []string) {
	type arrival struct {
		from world
		by   string
	}
	var first world
	reached := map[world]arrival{first: {}}
	for queue := []world{first}; len(queue) > 0; queue = queue[1:] {
		w := queue[0]
		if w.broken(d) {
			for ; w != first; w = reached[w].from {
				way = append(way, reached[w].by)
			}
			slices.Reverse(way)
			return len(reached), way
		}
		w.next(d, func(by string, v world) {
			v = v.canonical(d)
			if _, ok := reached[v]; !ok {
				reached[v] = arrival{w, by}
				queue = append(queue, v)
			}
		})
	}
	return len(reached), nil
}

// TestModel: in no order of steps, stops, suspends and crashes does a refresh succeed that starts after the revoke returned.
func TestModel(t *testing.T) {
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
			states, way := explore(d)
			if way != nil {
				t.Errorf("a revoked session is accepted:\n%s", strings.Join(way, "\n"))
			}
			t.Logf("%d states", states)
		})
	}
}

// TestModelFindsFaults: each part of the protocol is needed. Without it the model finds a way to a broken state.
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
			states, way := explore(d)
			if way == nil {
				t.Fatalf("nothing was found in %d states", states)
			}
			t.Logf("found in %d states:\n%s", states, strings.Join(way, "\n"))
		})
	}
}
