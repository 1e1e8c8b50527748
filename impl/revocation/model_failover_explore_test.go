package revocation

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// next calls visit with every state that one transition leads to.
func (w sites) next(r *rules, visit func(string, sites)) {
	change := func(event string, f func(*sites)) {
		v := w
		f(&v)
		visit(event, v.tidy())
	}
	for at, server := range []string{" (primary)", " (other server)"} {
		step := [...]string{"begins", "writes its lease", "reads the feed",
			"acknowledges"}[w.node.at]
		change("node "+step+server, func(w *sites) { w.nodeStep(at, r) })
		if w.node.at == siteBegin && w.node.joined {
			change("node is woken and reads the feed"+server, func(w *sites) {
				w.node.at, w.node.follows = siteRead, true
				w.nodeStep(at, r)
			})
		}
		if w.revoker.at == starts {
			for session := uint8(1); session <= 2; session++ {
				if w.returned&session == 0 {
					event := fmt.Sprint("revoker revokes session ", session, server)
					change(event, func(w *sites) { w.revoke(at, session, r) })
				}
			}
			continue
		}
		change("revoker reads the leases"+server, func(w *sites) { w.readLeases(at, r) })
		if w.revoker.at == waiting && w.revoker.waited == modelTerm {
			change("revoker deletes the lease and returns"+server, func(w *sites) {
				w.giveUp(at, r)
			})
		}
	}
	change("a tick passes", (*sites).tick)
	w.failures(change)
}

// failures breaks and repairs replication, and moves the primary.
func (w *sites) failures(change func(string, func(*sites))) {
	if !w.deposed {
		change("the standby takes over and is the primary now", func(w *sites) {
			w.linked, w.deposed = false, true
			w.servers[0], w.servers[1] = w.servers[1], w.servers[0]
		})
	}
	if w.linked {
		change("replication breaks", func(w *sites) { w.linked = false })
		return
	}
	change("the other server becomes a standby and catches up", func(w *sites) {
		w.linked, w.deposed, w.servers[1] = true, false, w.servers[0]
	})
}

func (w *sites) tick() {
	n := &w.node
	if n.at != siteBegin && !n.follows {
		n.noted = min(n.noted+1, modelTerm)
	}
	if n.answers {
		n.term++
	}
	if w.revoker.at == waiting {
		w.revoker.waited = min(w.revoker.waited+1, modelTerm)
	}
}

// tidy ends a term that is over, and numbers the versions from 1 without gaps, so that there are
// few states although the node writes its lease without end.
func (w sites) tidy() sites {
	if n := &w.node; n.answers && n.term >= modelTerm {
		n.answers, n.term = false, 0
	}
	versions := []*uint8{
		&w.servers[0].version, &w.servers[1].version, &w.node.version, &w.node.confirmed,
		&w.revoker.listed,
	}
	ranks := []uint8{0}
	for _, v := range versions {
		ranks = append(ranks, *v)
	}
	slices.Sort(ranks)
	ranks = slices.Compact(ranks)
	for _, v := range versions {
		*v = uint8(slices.Index(ranks, *v))
	}
	return w
}

// exploreFailover visits every state breadth first, and returns how many there are and, if one is
// broken, the shortest way to it.
func exploreFailover(r *rules) (states int, way []string) {
	type arrival struct {
		world sites
		from  int
		by    string
	}
	first := sites{linked: true}
	queue, reached := []arrival{{world: first}}, map[sites]struct{}{first: {}}
	for at := 0; at < len(queue); at++ {
		w := queue[at].world
		if w.broken(r) {
			for i := at; i > 0; i = queue[i].from {
				way = append(way, queue[i].by)
			}
			slices.Reverse(way)
			return len(reached), way
		}
		w.next(r, func(by string, v sites) {
			if _, ok := reached[v]; !ok {
				reached[v] = struct{}{}
				queue = append(queue, arrival{v, at, by})
			}
		})
	}
	return len(reached), nil
}

// TestFailoverModel: in no order of steps, and over no connection, is a session accepted whose
// revocation was acknowledged.
func TestFailoverModel(t *testing.T) {
	skipIfShort(t)
	r := builtRules()
	states, way := exploreFailover(&r)
	if way != nil {
		t.Errorf("a revoked session is accepted:\n%s", strings.Join(way, "\n"))
	}
	t.Logf("%d states", states)
}

// TestFailoverModelFindsFaults: each rule is needed. Without it the model finds a way to a broken
// state.
func TestFailoverModelFindsFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*rules)
	}{
		{"the rules as they were first built", func(r *rules) { *r = rules{} }},
		{"lookups read any server", func(r *rules) { r.lookupCurrent = false }},
		{"the feed is loaded from any server", func(r *rules) { r.loadCurrent = false }},
		{"the leases are read from any server", func(r *rules) { r.leasesCurrent = false }},
		{"the feed is read where the lease is not shown", func(r *rules) { r.showsLease = false }},
		{"the feed is acknowledged apart from the read", func(r *rules) { r.ackWithRead = false }},
		{"a commit that was not replicated counts", func(r *rules) { r.warningCounts = false }},
		{"the second acknowledgement waits for nothing",
			func(r *rules) { r.confirmCommits = false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := builtRules()
			c.change(&r)
			states, way := exploreFailover(&r)
			if way == nil {
				t.Fatalf("nothing was found in %d states", states)
			}
			t.Logf("found in %d states:\n%s", states, strings.Join(way, "\n"))
		})
	}
}
