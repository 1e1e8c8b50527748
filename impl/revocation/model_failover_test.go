package revocation

import (
	"slices"
	"strings"
	"testing"
)

// The protocol over a failover, as a second small model. There are two servers: the old primary and its
// synchronous standby. Replication breaks, and then the standby is promoted; the old primary lives on.
// Each step of the node and of the revoker may go to either server that accepts connections, because a
// pool may hold connections to both. One node, one revoker that revokes session E, and a third party
// whose revocation X may be committed on either server at any time.
//
// At most one server acknowledges commits: the old primary until replication breaks, then none, and the
// standby once it is promoted. On the old primary a commit can still return although it is not
// replicated. That is a warning, and its changes are visible there.

// rules says which of the rules about failovers hold. The zero value is how the protocol was first built.
type rules struct {
	lookupCurrent  bool // a lookup without a lease reads the server that acknowledges
	loadCurrent    bool // so does the load of the whole feed
	leasesCurrent  bool // so does the revoker's read of the leases
	showsLease     bool // the feed is read where the lease has the version that was confirmed
	ackWithRead    bool // the feed is acknowledged in the transaction that reads it
	warningCounts  bool // a commit that returns with a warning is an error
	confirmCommits bool // a revocation that is in force already is written again
}

func builtRules() rules { return rules{true, true, true, true, true, true, true} }

// Entries of a feed, which are bits of the node's memory too.
const (
	entryE uint8 = 1
	entryX uint8 = 2
)

type failServer struct {
	feed           [2]uint8 // entries by sequence, from 1; 0: none
	lease          bool
	version, acked uint8
}

func (s *failServer) head() (n uint8) {
	for _, e := range s.feed {
		if e != 0 {
			n++
		}
	}
	return n
}

func (s *failServer) has(e uint8) bool { return slices.Contains(s.feed[:], e) }

// Steps of the node.
const (
	failLoad uint8 = iota
	failWrite
	failRead
	failAck // apart from the read, if the rule does not hold
	failIdle
)

type failWorld struct {
	servers       [2]failServer // the old primary and the standby
	cut, promoted bool

	step               uint8
	joined, follows    bool
	applied, memory    uint8
	version, confirmed uint8
	noted, term        uint8 // age in ticks
	answers            bool

	revoker  uint8 // starts, second or waiting, as in the other model
	sequence uint8
	waited   uint8
	awaited  bool
	returned bool
}

const failVersions = 5 // the node writes its lease no more often

// primary returns the server that acknowledges commits, or -1.
func (w *failWorld) primary() int {
	switch {
	case w.promoted:
		return 1
	case !w.cut:
		return 0
	}
	return -1
}

// commit changes a server, and the standby while replication works. It returns whether the change counts
// as acknowledged.
func (w *failWorld) commit(at int, r *rules, change func(*failServer)) bool {
	change(&w.servers[at])
	if at == 0 && !w.cut {
		w.servers[1] = w.servers[0]
	}
	return at == w.primary() || !r.warningCounts
}

func (w *failWorld) add(at int, r *rules, entry uint8) (acknowledged bool) {
	return w.commit(at, r, func(s *failServer) { s.feed[s.head()] = entry })
}

func (w *failWorld) live() bool { return w.answers && w.term < modelTerm }

// broken: session E is accepted although its revocation was acknowledged.
func (w *failWorld) broken(r *rules) bool {
	if !w.returned || w.memory&entryE != 0 {
		return false
	}
	if w.live() {
		return true
	}
	for i := range w.servers {
		reachable := i == 0 || w.promoted
		if reachable && (i == w.primary() || !r.lookupCurrent) && !w.servers[i].has(entryE) {
			return true
		}
	}
	return false
}

// next calls visit with every state that one transition leads to.
func (w failWorld) next(r *rules, visit func(string, failWorld)) {
	names := []string{" (old primary)", " (standby)"}
	for at := range w.servers {
		if at == 1 && !w.promoted {
			continue
		}
		on := func(name string, f func(*failWorld, int)) {
			v := w
			f(&v, at)
			visit(name+names[at], v.tidy())
		}
		w.nodeStep(r, at, on)
		w.revokerStep(r, at, on)
		if !w.servers[at].has(entryX) && w.servers[at].head() < 2 && !w.servers[1-at].has(entryX) {
			on("a third party revokes X", func(w *failWorld, at int) { w.add(at, r, entryX) })
		}
	}
	change := func(name string, f func(*failWorld)) {
		v := w
		f(&v)
		visit(name, v.tidy())
	}
	if !w.cut {
		change("replication breaks", func(w *failWorld) { w.cut = true })
	} else if !w.promoted {
		change("the standby is promoted", func(w *failWorld) { w.promoted = true })
	}
	change("a tick passes", func(w *failWorld) {
		w.noted, w.term = min(w.noted+1, modelTerm), min(w.term+1, modelTerm)
		if w.revoker == waiting {
			w.waited = min(w.waited+1, modelTerm)
		}
	})
}

// tidy clears what has no meaning, so that equal states are equal.
func (w failWorld) tidy() failWorld {
	if !w.live() {
		w.answers, w.term = false, 0
	}
	if w.step == failLoad || w.step == failIdle || w.follows {
		w.noted = 0
	}
	if w.revoker != waiting {
		w.waited, w.awaited = 0, false
	}
	return w
}

// rejoin is what the node does that finds its lease gone, and retry what it does after an error.
func (w *failWorld) rejoin() { w.joined, w.answers, w.follows, w.step = false, false, false, failLoad }

func (w *failWorld) retry() {
	w.follows, w.step = false, failLoad
	if w.joined {
		w.step = failIdle
	}
}

func (w *failWorld) nodeStep(r *rules, at int, on func(string, func(*failWorld, int))) {
	switch s := &w.servers[at]; {
	case w.step == failLoad && (at == w.primary() || !r.loadCurrent):
		on("node loads the feed", func(w *failWorld, at int) {
			w.applied = 0
			w.take(at)
			w.applied = w.servers[at].head()
			w.step = failWrite
		})
	case w.step == failIdle && w.version < failVersions:
		on("node notes the time", func(w *failWorld, _ int) { w.noted, w.step = 0, failWrite })
		on("node is woken", func(w *failWorld, _ int) { w.follows, w.step = true, failRead })
	case w.step == failWrite && w.version < failVersions:
		on("node writes its lease", func(w *failWorld, at int) { w.writeLease(r, at) })
	case w.step == failRead:
		if r.showsLease && (!s.lease || s.version != w.confirmed) {
			on("node drops a connection", func(w *failWorld, _ int) { w.retry() })
			return
		}
		on("node reads the feed", func(w *failWorld, at int) { w.read(r, at) })
	case w.step == failAck:
		on("node acknowledges", func(w *failWorld, at int) { w.acknowledge(r, at) })
	}
}

// take puts the entries after applied into memory.
func (w *failWorld) take(at int) {
	for _, e := range w.servers[at].feed[min(w.applied, 2):] {
		w.memory |= e
	}
}

func (w *failWorld) writeLease(r *rules, at int) {
	s := &w.servers[at]
	if w.joined && (!s.lease || s.version < w.confirmed) {
		w.rejoin()
		return
	}
	w.version++
	acknowledged := w.commit(at, r, func(s *failServer) {
		if !w.joined {
			s.acked = w.applied
		}
		s.lease, s.version = true, w.version
	})
	if !acknowledged {
		w.retry()
		return
	}
	w.joined, w.confirmed, w.step = true, w.version, failRead
}

func (w *failWorld) read(r *rules, at int) {
	head := w.servers[at].head()
	if head < w.applied { // the feed is shorter than what was applied
		w.applied = 0
		w.rejoin()
		return
	}
	w.take(at)
	switch {
	case r.ackWithRead && head > w.applied:
		if w.version == failVersions {
			w.retry()
			return
		}
		w.version++
		if !w.commit(at, r, func(s *failServer) { s.acked, s.version = head, w.version }) {
			w.retry()
			return
		}
		w.confirmed, w.applied = w.version, head
	case head > w.applied:
		w.applied = head
		w.publish()
		w.step = failAck
		return
	}
	w.publish()
	w.follows, w.step = false, failIdle
}

func (w *failWorld) publish() {
	if !w.follows {
		w.answers, w.term = true, w.noted
	}
}

func (w *failWorld) acknowledge(r *rules, at int) {
	s := &w.servers[at]
	if !s.lease || s.version < w.confirmed {
		w.rejoin()
		return
	}
	if w.version < failVersions {
		w.version++
		if w.commit(at, r, func(s *failServer) { s.acked, s.version = w.applied, w.version }) {
			w.confirmed = w.version
		}
	}
	w.follows, w.step = false, failIdle
}

func (w *failWorld) revokerStep(r *rules, at int, on func(string, func(*failWorld, int))) {
	s := &w.servers[at]
	current := at == w.primary() || !r.leasesCurrent
	switch {
	case w.returned:
	case w.revoker == starts && s.has(entryE):
		on("revoker finds E in force", func(w *failWorld, at int) {
			if at == w.primary() || !r.warningCounts || !r.confirmCommits {
				w.sequence, w.revoker = uint8(slices.Index(w.servers[at].feed[:], entryE))+1, second
			}
		})
	case w.revoker == starts && s.head() < 2:
		on("revoker commits E", func(w *failWorld, at int) {
			if w.add(at, r, entryE) {
				w.sequence, w.revoker = w.servers[at].head(), second
			}
		})
	case w.revoker == second && current:
		on("revoker reads the leases", func(w *failWorld, at int) {
			s := &w.servers[at]
			w.awaited, w.revoker = s.lease && s.acked < w.sequence, waiting
		})
	case w.revoker == waiting && w.awaited && current && (!s.lease || s.acked >= w.sequence):
		on("revoker sees that the node has acknowledged", func(w *failWorld, _ int) { w.awaited = false })
	case w.revoker == waiting && (!w.awaited || w.waited == modelTerm):
		on("revoker returns", func(w *failWorld, _ int) { w.returned = true })
	}
}

// exploreFailover visits every state breadth first, and returns how many there are and, if one is broken,
// the shortest way to it.
func exploreFailover(r *rules) (states int, way []string) {
	type arrival struct {
		world failWorld
		from  int
		by    string
	}
	queue := []arrival{{}}
	reached := map[failWorld]struct{}{{}: {}}
	for at := 0; at < len(queue); at++ {
		w := queue[at].world
		if w.broken(r) {
			for i := at; i > 0; i = queue[i].from {
				way = append(way, queue[i].by)
			}
			slices.Reverse(way)
			return len(reached), way
		}
		w.next(r, func(by string, v failWorld) {
			if _, ok := reached[v]; !ok {
				reached[v] = struct{}{}
				queue = append(queue, arrival{v, at, by})
			}
		})
	}
	return len(reached), nil
}

// TestFailoverModel: in no order of steps, and over no connection, is a session accepted whose revocation
// was acknowledged.
func TestFailoverModel(t *testing.T) {
	r := builtRules()
	states, way := exploreFailover(&r)
	if way != nil {
		t.Errorf("a revoked session is accepted:\n%s", strings.Join(way, "\n"))
	}
	t.Logf("%d states", states)
}

// TestFailoverModelFindsFaults: each rule is needed. Without it the model finds a way to a broken state.
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
		{"the second acknowledgement waits for nothing", func(r *rules) { r.confirmCommits = false }},
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
