package guard

// The protocol of docs/decisions/0017-guard.md as a small model, which model_explore_test.go walks
// exhaustively: one guard, the feed that it follows, the revocations of two sessions and one check.
// One step of one of them is one transition, and so is a tick of time. A guard or a server that is
// frozen takes no step for some ticks. A request and its answer may stay on the way for any time,
// so the long poll needs no transition of its own.

const (
	modelStale    = 2 // MaxStale in ticks
	modelSessions = 2
	modelRestores = 2
)

// rules says how the protocol is done. rulesBuilt returns the rules that were built.
type rules struct {
	follower   []act  // the order of a guard's steps
	check      []look // the order of a check's steps
	stale      uint8  // the age, in ticks, at which the guard is stale
	mono, wall bool   // the clocks that count the age
	headOnly   bool   // only an answer that reaches the head of the feed counts
	keeps      bool   // the guard keeps its memory when the feed has lost entries
	epochs     bool   // server and guard compare the epoch
	epochFirst bool   // a restore replaces the epoch before the feed is served again
	inOrder    bool   // revocations are committed in the order of their sequences
	confirmed  bool   // a page shows every revocation that was acknowledged before the read
	suspends   bool   // the machine may be suspended: its monotonic clock stands still
	setsBack   bool   // the wall clock may be set back
}

type act uint8

const (
	note    act = iota // note the time
	send               // send the request
	receive            // receive the answer
	apply              // apply the revocations of the answer
	publish            // count the age from the noted time on
)

type look uint8

const (
	readAge    look = iota // go on only if the knowledge is not too old
	readMemory             // go on only if the session is not in memory
)

func rulesBuilt() rules {
	return rules{
		follower:   []act{note, send, receive, apply, publish},
		check:      []look{readAge, readMemory},
		stale:      modelStale,
		mono:       true,
		wall:       true,
		headOnly:   true,
		keeps:      true,
		epochs:     true,
		epochFirst: true,
		inOrder:    true,
		confirmed:  true,
		suspends:   true,
	}
}

func (a act) String() string {
	return [...]string{
		"notes the time", "sends a request", "receives the answer", "applies it", "counts its age anew",
	}[a]
}

func (l look) String() string { return [...]string{"reads the age", "reads the memory"}[l] }

// age is the time since some moment by the two clocks, rules.stale at most.
type age struct{ mono, wall uint8 }

// world is one state. It is comparable.
type world struct {
	store, replica log // the replica was replaced, and shows an old state of the store
	epoch          uint8
	epochDue       bool // the store was restored, and its epoch is still to be replaced
	revokes        [modelSessions]revoke
	request        message // to the server
	answer         message // to the guard
	guard          modelGuard
	check          modelCheck
	accepted       bool // a check has accepted a token that it must not accept
}

// log is the feed: the session of each sequence. A revocation that is not committed is not shown.
type log struct {
	session [modelSessions]uint8
	shown   [modelSessions]bool
}

type revoke struct {
	begun, returned bool
	since           uint8 // ticks since it returned, modelStale at most
}

type message struct {
	there, reset, atHead bool
	epoch, after         uint8
	session              uint8 // of the one revocation of the page; 0 if it has none
}

type modelGuard struct {
	at           uint8 // index into rules.follower
	noted, sent  age
	hasSent      bool
	epoch, after uint8
	memory       uint8 // sessions as bits
	page         message
}

// modelCheck is a check of a token whose session was revoked modelStale ago or longer when the
// check began. No other check can break the promise.
type modelCheck struct {
	session uint8 // 0: no check runs
	at      uint8 // index into rules.check
}

// head returns the highest sequence that the feed shows.
func (l *log) head() uint8 {
	for sequence := uint8(modelSessions); sequence > 0; sequence-- {
		if l.shown[sequence-1] {
			return sequence
		}
	}
	return 0
}

// free returns the next sequence that no revocation has.
func (l *log) free() uint8 {
	for i, session := range l.session {
		if session == 0 {
			return uint8(i)
		}
	}
	return modelSessions
}

// show commits the revocation of a session.
func (l *log) show(session uint8) {
	for i := range l.session {
		l.shown[i] = l.shown[i] || l.session[i] == session
	}
}

func (l *log) shows(session uint8) bool {
	for i := range l.session {
		if l.session[i] == session {
			return l.shown[i]
		}
	}
	return false
}

// page returns the answer to a request: one revocation at most.
func (l *log) page(r *rules, q message, epoch uint8) message {
	head := l.head()
	if r.epochs && (q.epoch != 0 && q.epoch != epoch || q.after > head) {
		return message{there: true, reset: true}
	}
	p := message{there: true, epoch: epoch, after: max(q.after, head)}
	for sequence := q.after + 1; sequence <= head; sequence++ {
		if l.shown[sequence-1] {
			p.session, p.after = l.session[sequence-1], sequence
			break
		}
	}
	p.atHead = p.after >= head
	return p
}

// pass counts a tick. Ages above the limit make no difference.
func (a *age) pass(asleep bool, limit uint8) {
	a.wall = min(a.wall+1, limit)
	if !asleep {
		a.mono = min(a.mono+1, limit)
	}
}

func (a age) stale(r *rules) bool {
	return r.mono && a.mono >= r.stale || r.wall && a.wall >= r.stale
}

// step takes the guard's next step.
func (w *world) step(r *rules) {
	g := &w.guard
	switch r.follower[g.at] {
	case note:
		g.noted = age{}
	case send:
		w.request = message{there: true, epoch: g.epoch, after: g.after}
	case receive:
		g.page, w.answer = w.answer, message{}
		if g.page.reset || r.epochs && g.epoch != 0 && g.page.epoch != g.epoch {
			if !r.keeps {
				g.memory = 0
			}
			g.epoch, g.after = 0, 0
			g.begin()
			return
		}
	case apply:
		g.memory |= g.page.session
	case publish:
		if g.page.atHead || !r.headOnly {
			g.sent, g.hasSent = g.noted, true
		}
	}
	if g.at++; int(g.at) == len(r.follower) {
		g.epoch, g.after = g.page.epoch, g.page.after
		g.begin()
	}
}

// begin makes the guard begin with the next request.
func (g *modelGuard) begin() { g.at, g.noted, g.page = 0, age{}, message{} }

// stepCheck takes the check's next step.
func (w *world) stepCheck(r *rules) {
	c, rejected := &w.check, false
	switch r.check[c.at] {
	case readAge:
		rejected = !w.guard.hasSent || w.guard.sent.stale(r)
	case readMemory:
		rejected = w.guard.memory&c.session != 0
	}
	if c.at++; rejected || int(c.at) == len(r.check) {
		*c, w.accepted = modelCheck{}, !rejected
	}
}
