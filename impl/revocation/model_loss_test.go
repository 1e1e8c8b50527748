package revocation

import (
	"slices"
	"strings"
	"testing"
)

// Failovers with loss, as a third small model. One server acknowledges commits; the other one is
// an asynchronous standby, which catches up at times and takes over at any time, without the commits
// since. The first server is then gone. A lost revocation cannot be in force everywhere at once. The
// promise is: a node that answers from memory in a term that began after the last failover knows no
// revocation that the store lacks. So as long as a node that knows it lives, a revocation is lost
// only for the time in which that node joins again.

// lossRules says which of the rules about loss hold.
type lossRules struct {
	writesBack  bool // a node that joins again writes back what the store lacks
	beforeLease bool // it does so before it answers from memory
	showsLease  bool // the feed is read where the lease has the confirmed version
	expectsOwn  bool // a node expects the revocations of its own process in the feed
}

func lossRulesBuilt() lossRules { return lossRules{true, true, true, true} }

// losses is one state. Sessions are bits.
type losses struct {
	store, standby site
	node           lossNode
	lostSinceNote  bool  // there was a failover with loss since the node noted the time
	lostSinceTerm  bool  // there was one since the node's term began
	made           uint8 // sessions whose revocation was committed once
}

type lossNode struct {
	at                 siteStep
	joined             bool
	owes               bool // what to write back, if it is done after the term has begun
	version, confirmed uint8
	applied, memory    uint8
	own                uint8 // revocations of this process that were not read in the feed yet
	answers            bool
}

func (w *losses) broken() bool {
	return w.node.answers && !w.lostSinceTerm && w.store.lacks(w.node.memory)
}

// add commits a revocation.
func (s *site) add(session uint8) {
	if s.sequenceOf(session) == 0 {
		s.feed[s.head] = session
		s.head++
	}
}

func (n *lossNode) rejoin() {
	n.at, n.joined, n.answers, n.applied, n.confirmed = siteBegin, false, false, 0, 0
}

func (w *losses) writeBack() {
	for session := uint8(1); session <= 2; session++ {
		if w.node.memory&session != 0 {
			w.store.add(session)
		}
	}
}

func (w *losses) step(r *lossRules) {
	n, s := &w.node, &w.store
	switch n.at {
	case siteBegin:
		w.lostSinceNote = false
		n.at = siteWrite
		if n.joined {
			return
		}
		again := n.memory != 0
		n.own = 0
		for _, session := range s.feed[:s.head] {
			n.memory |= session
		}
		n.applied = s.head
		if again && r.writesBack {
			if n.owes = !r.beforeLease; r.beforeLease {
				w.writeBack()
			}
		}
	case siteWrite:
		if n.joined && (s.version == 0 || s.version < n.confirmed) {
			n.rejoin()
			return
		}
		n.version++
		s.version = n.version
		n.joined, n.confirmed, n.at = true, n.version, siteRead
	case siteRead:
		w.read(r)
	case siteAck: // here: write back, if it is done after the term has begun
		w.writeBack()
		n.owes, n.at = false, siteBegin
	}
}

func (w *losses) read(r *lossRules) {
	n, s := &w.node, &w.store
	if r.showsLease && (s.version == 0 || s.version < n.confirmed) || s.head < n.applied {
		n.rejoin()
		return
	}
	for _, session := range s.feed[n.applied:s.head] {
		n.memory |= session
		n.own &^= session
	}
	if s.head > n.applied {
		n.version++
		s.version, n.confirmed, n.applied = n.version, n.version, s.head
	}
	if r.expectsOwn && n.own != 0 {
		n.rejoin()
		return
	}
	n.answers, n.at = true, siteBegin
	w.lostSinceTerm = w.lostSinceNote
	if n.owes {
		n.at = siteAck
	}
}

// next calls visit with every state that one transition leads to.
func (w losses) next(r *lossRules, visit func(string, losses)) {
	change := func(event string, f func(*losses)) {
		v := w
		f(&v)
		visit(event, v.tidy())
	}
	change("node: "+[...]string{
		"begins", "writes its lease", "reads the feed", "writes back",
	}[w.node.at], func(w *losses) { w.step(r) })
	for session := uint8(1); session <= 2; session++ {
		if w.made&session != 0 {
			continue
		}
		change("another process revokes a session", func(w *losses) {
			w.made |= session
			w.store.add(session)
		})
		change("the node's process revokes a session", func(w *losses) {
			w.made |= session
			w.store.add(session)
			w.node.memory |= session
			w.node.own |= session
		})
	}
	change("the standby catches up", func(w *losses) { w.standby = w.store })
	// Assumed: no failover with loss between the load of the feed and the first lease. It would go
	// unnoticed, because nothing of the node is in the store that could be missing.
	if w.standby != w.store && (w.node.joined || w.node.at == siteBegin) {
		change("the standby takes over", func(w *losses) {
			w.store = w.standby
			w.lostSinceNote, w.lostSinceTerm = true, true
		})
	}
	change("the lease is deleted", func(w *losses) { w.store.version = 0 })
	change("the node's process is restarted, under another name", func(w *losses) {
		w.node, w.store.version, w.standby.version = lossNode{}, 0, 0
	})
}

// tidy numbers the versions from 1 without gaps.
func (w losses) tidy() losses {
	versions := []*uint8{&w.store.version, &w.standby.version, &w.node.version, &w.node.confirmed}
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

// exploreLoss visits every state breadth first, and returns how many there are and, if one is
// broken, the shortest way to it.
func exploreLoss(r *lossRules) (states int, way []string) {
	type arrival struct {
		world losses
		from  int
		by    string
	}
	queue, reached := []arrival{{}}, map[losses]struct{}{{}: {}}
	for at := 0; at < len(queue); at++ {
		w := queue[at].world
		if w.broken() {
			for i := at; i > 0; i = queue[i].from {
				way = append(way, queue[i].by)
			}
			slices.Reverse(way)
			return len(reached), way
		}
		w.next(r, func(by string, v losses) {
			if _, ok := reached[v]; !ok {
				reached[v] = struct{}{}
				queue = append(queue, arrival{v, at, by})
			}
		})
	}
	return len(reached), nil
}

// TestLossModel: after no failover with loss does a node answer from memory in a new term while the
// store lacks a revocation that the node knows.
func TestLossModel(t *testing.T) {
	r := lossRulesBuilt()
	states, way := exploreLoss(&r)
	if way != nil {
		t.Errorf("the store lacks a revocation that the node knows:\n%s", strings.Join(way, "\n"))
	}
	t.Logf("%d states", states)
}

// TestLossModelFindsFaults: each rule is needed. Without it the model finds a way to a broken state.
func TestLossModelFindsFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*lossRules)
	}{
		{"nothing is written back", func(r *lossRules) { r.writesBack = false }},
		{"it is written back after the term has begun",
			func(r *lossRules) { r.beforeLease = false }},
		{"the feed is read where the lease is not shown",
			func(r *lossRules) { r.showsLease = false }},
		{"own revocations are not expected", func(r *lossRules) { r.expectsOwn = false }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := lossRulesBuilt()
			c.change(&r)
			states, way := exploreLoss(&r)
			if way == nil {
				t.Fatalf("nothing was found in %d states", states)
			}
			t.Logf("found in %d states:\n%s", states, strings.Join(way, "\n"))
		})
	}
}
