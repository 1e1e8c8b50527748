package revocation

import "slices"

// The protocol over failovers, as a second small model, which model_failover_explore_test.go walks
// exhaustively. There is a primary with a synchronous standby. Replication may break and be
// repaired. The standby may take over at any time, while the old primary lives on; later the old
// primary may become the standby of the new one, and so on without end. A pool may hold connections
// to both servers, so each step of the node and of the revoker may go to either of them. Clocks and
// a second node are the subject of the first model.

// rules says which of the rules about failovers hold. The zero value is how the protocol was first
// built.
type rules struct {
	lookupCurrent  bool // a lookup without a lease reads the server that acknowledges
	loadCurrent    bool // so does the load of the whole feed
	leasesCurrent  bool // so does the revoker's read of the leases
	showsLease     bool // the feed is read where the lease has the confirmed version, or a later one
	ackWithRead    bool // the feed is acknowledged in the transaction that reads it
	warningCounts  bool // a commit that returns without replication is an error
	confirmCommits bool // a revocation that is in force already is written again
}

func builtRules() rules { return rules{true, true, true, true, true, true, true} }

// sites is one state. The primary is always the first server. Sessions are bits, so that a set of
// sessions is a number. Of the versions of the lease only the order matters.
type sites struct {
	servers  [2]site
	linked   bool // the other server is a standby and has all that the primary has committed
	deposed  bool // the other server was the primary before and still accepts writes
	node     siteNode
	revoker  siteRevoker
	returned uint8 // the sessions whose revocation was acknowledged
}

type site struct {
	feed           [2]uint8 // sessions, by sequence
	head           uint8
	version, acked uint8 // of the lease; version 0: there is no lease
}

type siteNode struct {
	at                 siteStep
	joined, follows    bool
	version, confirmed uint8
	applied            uint8
	memory             uint8
	noted, term        uint8 // age in ticks
	answers            bool
}

type siteStep uint8

const (
	siteBegin siteStep = iota // load the feed unless joined, and note the time
	siteWrite
	siteRead
	siteAck // apart from the read, if the rule does not hold
)

type siteRevoker struct {
	at                uint8 // starts, second or waiting, as in the first model
	session, sequence uint8
	listed            uint8 // version of the lease that is waited for
	waited            uint8
}

func (s *site) sequenceOf(session uint8) uint8 {
	return uint8(slices.Index(s.feed[:s.head], session) + 1)
}

func (s *site) lacks(sessions uint8) bool {
	for session := uint8(1); session <= 2; session++ {
		if sessions&session != 0 && s.sequenceOf(session) == 0 {
			return true
		}
	}
	return false
}

// acknowledges: at most one server can. A primary that took over does so alone until it has a
// standby.
func (w *sites) acknowledges(at int) bool { return at == 0 && (w.linked || w.deposed) }

func (w *sites) writable(at int) bool { return at == 0 || w.deposed }

// commit changes a server, and its standby while replication works. It returns whether the change
// counts as acknowledged.
func (w *sites) commit(at int, r *rules, change func(*site)) bool {
	if !w.writable(at) {
		return false
	}
	change(&w.servers[at])
	if w.linked {
		w.servers[1] = w.servers[0]
	}
	return w.acknowledges(at) || !r.warningCounts
}

// broken: a refresh that starts now accepts a session whose revocation was acknowledged.
func (w *sites) broken(r *rules) bool {
	missing := w.returned &^ w.node.memory
	if w.node.answers {
		return missing != 0
	}
	for at := range w.servers {
		if (w.acknowledges(at) || !r.lookupCurrent) && w.servers[at].lacks(missing) {
			return true
		}
	}
	return false
}

// again is the step of a node after an error, and rejoin the step of a node whose lease is gone.
func (n *siteNode) again() { n.at, n.follows, n.noted = siteBegin, false, 0 }

func (n *siteNode) rejoin() {
	n.again()
	n.joined, n.answers, n.term, n.applied, n.confirmed = false, false, 0, 0, 0
}

func (n *siteNode) apply(s *site, after uint8) {
	for _, session := range s.feed[min(after, s.head):s.head] {
		n.memory |= session
	}
}

func (n *siteNode) publish() {
	if !n.follows {
		n.answers, n.term = true, n.noted
	}
}

// nodeStep takes the node's next step at a server.
func (w *sites) nodeStep(at int, r *rules) {
	n, s := &w.node, &w.servers[at]
	switch n.at {
	case siteBegin:
		if !n.joined {
			if r.loadCurrent && !w.acknowledges(at) {
				return
			}
			n.apply(s, 0)
			n.applied = s.head
		}
		n.noted, n.at = 0, siteWrite
	case siteWrite:
		w.writeLease(at, r)
	case siteRead:
		w.read(at, r)
	case siteAck:
		if s.version == 0 || s.version < n.confirmed {
			n.rejoin()
			return
		}
		n.version++
		if w.commit(at, r, func(s *site) { s.version, s.acked = n.version, n.applied }) {
			n.confirmed = n.version
		}
		n.again()
	}
}

func (w *sites) writeLease(at int, r *rules) {
	n, s := &w.node, &w.servers[at]
	if n.joined && (s.version == 0 || s.version < n.confirmed) {
		n.rejoin()
		return
	}
	n.version++
	confirmed := w.commit(at, r, func(s *site) {
		if !n.joined {
			s.acked = n.applied
		}
		s.version = n.version
	})
	if !confirmed {
		n.again()
		return
	}
	n.joined, n.confirmed, n.at = true, n.version, siteRead
}

func (w *sites) read(at int, r *rules) {
	n, s := &w.node, &w.servers[at]
	switch {
	case r.showsLease && (s.version == 0 || s.version < n.confirmed):
		n.again()
		return
	case s.head < n.applied: // the feed is shorter than what was applied
		n.rejoin()
		return
	}
	n.apply(s, n.applied)
	if !r.ackWithRead {
		n.applied = s.head
		n.publish()
		n.at = siteAck
		return
	}
	if s.head > n.applied {
		n.version++
		if !w.commit(at, r, func(s *site) { s.version, s.acked = n.version, s.head }) {
			n.again()
			return
		}
		n.confirmed, n.applied = n.version, s.head
	}
	n.publish()
	n.again()
}

// revoke commits a session's revocation, or confirms the one that is in force.
func (w *sites) revoke(at int, session uint8, r *rules) {
	inForce := w.servers[at].sequenceOf(session) != 0
	acknowledged := inForce && !r.confirmCommits || w.commit(at, r, func(s *site) {
		if !inForce {
			s.feed[s.head] = session
			s.head++
		}
	})
	if acknowledged {
		w.revoker = siteRevoker{at: second, session: session, sequence: w.servers[at].sequenceOf(session)}
	}
}

// readLeases returns the call once there is no lease to wait for, and fails it if the read is not
// current.
func (w *sites) readLeases(at int, r *rules) {
	v, s := &w.revoker, &w.servers[at]
	switch {
	case r.leasesCurrent && (!w.acknowledges(at) || s.sequenceOf(v.session) < v.sequence):
		*v = siteRevoker{}
	case s.version == 0 || s.acked >= v.sequence:
		w.returned |= v.session
		*v = siteRevoker{}
	case v.at == second:
		v.at, v.listed = waiting, s.version
	}
}

// giveUp deletes the silent node's lease, where it was not written since, and returns the call.
func (w *sites) giveUp(at int, r *rules) {
	if w.servers[at].version == w.revoker.listed {
		w.commit(at, r, func(s *site) { s.version, s.acked = 0, 0 })
	}
	w.returned |= w.revoker.session
	w.revoker = siteRevoker{}
}
