package revocation

import "testing"

// The protocol of docs/decisions/0005-strict-revocation.md as a small model, which
// model_explore_test.go walks exhaustively. Two nodes and one revoker, which ends two sessions one
// after the other. One step of one of them is one transition, and so is a tick of time: a process
// that is stopped (SIGSTOP) just takes no step for some ticks.

const (
	modelTerm    = 2 // L in ticks
	modelEntries = 2 // how many sessions are ended
)

// design says how the protocol is done. The zero value is wrong in every way; right() is the one
// that was built.
type design struct {
	node        []act // the order of a node's steps
	leavesFirst bool  // deletes its lease before it stops answering
	mono, wall  bool  // which clocks end a term
	leasesFirst bool  // the revoker reads the leases before it commits
	wait        uint8 // ticks that the revoker waits
	dropAlways  bool  // the revoker deletes the leases of the silent even if they were renewed
	sameProcess bool  // node 0 is in the revoker's process, and is brought up to date by it
	suspends    bool  // machines may be suspended: the monotonic clock stands still
	setsBack    bool  // the wall clock may be set back
}

type act uint8

const (
	note    act = iota // note the time
	write              // write and commit the lease
	read               // read the feed to its head
	publish            // apply what was read, and answer from memory for the term from the noted time on
	ack                // acknowledge
)

func right() design {
	return design{
		node:     []act{note, write, read, publish, ack},
		mono:     true,
		wall:     true,
		wait:     modelTerm,
		suspends: true,
	}
}

func (a act) String() string {
	return [...]string{"notes the time", "writes its lease", "reads the feed",
		"applies and answers", "acknowledges"}[a]
}

// age is the time since some moment by the two clocks, modelTerm at most.
type age struct{ mono, wall uint8 }

// world is one state. It is comparable, and fields without a meaning are zero, so that equal states
// are equal.
type world struct {
	nodes    [2]modelNode
	head     uint8 // entries that are committed
	revoker  uint8 // where it is
	entry    uint8 // which entry it is at
	waited   uint8
	returned uint8 // entries whose revoke has returned
}

type modelNode struct {
	dead, joined bool
	at           uint8 // index into design.node
	follows      bool  // reads and acknowledges only, between two renewals
	noted        age
	seen         uint8 // of the feed
	applied      uint8
	answers      bool // has a term
	term         age
	row          modelRow
	leaving      bool
}

type modelRow struct {
	there   bool
	acked   uint8
	renewed bool // since the revoker read it
	awaited bool // by the revoker
}

// broken: a refresh that starts now at this node succeeds although its session's revoke has
// returned. Checking one moment is enough: the applied revocations never shrink while a process
// lives, so a refresh that is stopped half-way sees no fewer.
func (w *world) broken(d *design) bool {
	for i := range w.nodes {
		if n := &w.nodes[i]; n.live(d) && n.applied < w.returned {
			return true
		}
	}
	return false
}

func (n *modelNode) live(d *design) bool {
	return n.answers && !n.dead && !(d.mono && n.term.mono >= modelTerm) && !(d.wall &&
		n.term.wall >= modelTerm)
}

// tidy clears the fields that have no meaning any more.
func (w *world) tidy(d *design) {
	for i := range w.nodes {
		n := &w.nodes[i]
		if !n.live(d) {
			n.answers, n.term = false, age{}
		}
		if n.dead {
			w.nodes[i] = modelNode{dead: true, row: n.row}
		}
		if w.revoker != waiting {
			n.row.renewed, n.row.awaited = false, false
		}
		if !n.row.there {
			n.row = modelRow{}
		}
	}
}

// step takes the node's next step.
func (n *modelNode) step(d *design, head uint8) {
	switch d.node[n.at] {
	case note:
		n.noted = age{}
	case write:
		if n.joined && !n.row.there {
			n.rejoin()
			return
		}
		if !n.row.there {
			n.row.acked = n.applied
		}
		n.row.there, n.row.renewed, n.joined = true, true, true
	case read:
		n.seen = head
	case publish:
		n.applied = max(n.applied, n.seen)
		if !n.follows {
			n.answers, n.term = true, n.noted
		}
	case ack:
		if !n.row.there {
			n.rejoin()
			return
		}
		n.row.acked, n.row.renewed = max(n.row.acked, n.seen), true
	}
	if n.at++; int(n.at) == len(d.node) {
		n.at, n.follows, n.noted, n.seen = 0, false, age{}, 0
	}
}

// rejoin is the step of a node that finds its lease gone.
func (n *modelNode) rejoin() {
	*n = modelNode{applied: n.applied, row: n.row}
}

// Where the revoker is.
const (
	starts uint8 = iota
	second       // it has committed, or in the wrong order read the leases
	waiting
)

func (w *world) commit() { w.entry++; w.head = w.entry }

// readLeases notes the nodes to wait for: entry is the one that is, or will be, committed.
func (w *world) readLeases(entry uint8, d *design) {
	for i := range w.nodes {
		n := &w.nodes[i]
		if d.sameProcess && i == 0 && !n.dead {
			n.applied = w.head
			n.row.awaited = false
			continue
		}
		n.row.renewed = false
		n.row.awaited = n.row.there && n.row.acked < entry
	}
}

// poll looks at the leases again.
func (w *world) poll() (all bool) {
	all = true
	for i := range w.nodes {
		r := &w.nodes[i].row
		r.awaited = r.awaited && r.there && r.acked < w.entry
		all = all && !r.awaited
	}
	return all
}

func (w *world) finish(drop, always bool) {
	for i := range w.nodes {
		r := &w.nodes[i].row
		if drop && r.awaited && (always || !r.renewed) {
			*r = modelRow{}
		}
	}
	w.revoker, w.waited, w.returned = starts, 0, w.entry
}

// skipIfShort skips a model with -short: it does not run product code, so a search for changes that
// no test notices need not wait for it.
func skipIfShort(t *testing.T) {
	if testing.Short() {
		t.Skip("the model does not run product code")
	}
}
