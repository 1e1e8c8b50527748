package session

import (
	"fmt"
)

// visitor is called with every state that one transition leads to, and with the promise that is
// broken in it.
type visitor func(name string, w rotWorld, broken error)

func (w rotWorld) next(decide decider, s seen, visit visitor) {
	for i := range w.tabs {
		w.nextOfTab(i, decide, s, visit)
	}
	w.nextOfThief(decide, s, visit)
	w.nextOfOthers(visit)
}

func (w rotWorld) nextOfTab(i int, decide decider, s seen, visit visitor) {
	v, call := w, &w.tabs[i]
	switch {
	case !call.sent && !call.answered:
		if w.mayStart(1 - i) {
			v.tabs[i] = rotCall{sent: true, gen: w.held}
			v.visit(fmt.Sprintf("a tab sends %d", w.held), visit, nil)
		}
	case call.sent:
		lost := w
		lost.tabs[i] = rotCall{}
		lost.visit("a request is lost", visit, nil)
		gen, ok, broken := v.present(decide, call.gen, true, s)
		v.tabs[i] = rotCall{answered: ok, gen: gen}
		v.visit(fmt.Sprintf("the server answers a tab's %d with %d, %t", call.gen, gen, ok), visit,
			broken)
	default:
		lost := w
		lost.tabs[i] = rotCall{}
		lost.visit("an answer is lost", visit, nil)
		v.tabs[i], v.held = rotCall{}, max(w.held, call.gen)
		v.visit(fmt.Sprintf("a tab stores %d", call.gen), visit, nil)
	}
}

// mayStart is the assumption about a client that was handed a successor late.
func (w *rotWorld) mayStart(other int) bool {
	o := w.tabs[other]
	return !o.sent || o.gen >= w.held || w.minted[w.held] == w.tick+1
}

func (w rotWorld) nextOfThief(decide decider, s seen, visit visitor) {
	if w.thief&(1<<w.held) == 0 {
		v := w
		v.thief |= 1 << w.held
		v.visit(fmt.Sprintf("a thief copies %d", w.held), visit, nil)
	}
	for gen := range uint8(rotGens) {
		if w.thief&(1<<gen) == 0 {
			continue
		}
		v := w
		v.disturbed = true
		got, ok, broken := v.present(decide, gen, false, s)
		if ok {
			v.thief |= 1 << got
		}
		v.visit(fmt.Sprintf("the thief presents %d and gets %d, %t", gen, got, ok), visit, broken)
	}
}

func (w rotWorld) nextOfOthers(visit visitor) {
	for _, how := range []uint8{theSession, allSessions} {
		if w.revoked == notRevoked {
			v := w
			v.revoked = how
			v.visit("the session is revoked", visit, nil)
		}
	}
	if w.tick <= rotTicks && w.tabs == [2]rotCall{} {
		v := w
		v.tick++
		v.visit("the window passes", visit, nil)
	}
	if !w.backedUp {
		v := w
		v.backedUp, v.backup = true, w.row
		v.visit("a backup is made", visit, nil)
	}
	if w.backedUp && !w.restored {
		v := w
		v.row, v.restored, v.backup = w.backup, true, rotRow{}
		v.visit("the backup is restored", visit, nil)
	}
}

// visit makes states equal that need not be told apart.
func (w rotWorld) visit(name string, visit visitor, broken error) {
	if a, b := w.tabs[0], w.tabs[1]; less(b, a) {
		w.tabs[0], w.tabs[1] = b, a
	}
	if w.restored {
		w.used = 0 // nothing is promised about it
	}
	visit(name, w, broken)
}
