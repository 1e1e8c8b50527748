package session

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
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
		v.visit(fmt.Sprintf("the server answers a tab's %d with %d, %t", call.gen, gen, ok), visit, broken)
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

func less(a, b rotCall) bool {
	key := func(c rotCall) int {
		k := int(c.gen) * 4
		if c.sent {
			k++
		}
		if c.answered {
			k += 2
		}
		return k
	}
	return key(a) < key(b)
}

// walk visits every state that can be reached, and returns the way to the first that is broken.
func walk(decide decider, s seen) (states int, way []string, broken error) {
	type step struct {
		from rotWorld
		name string
	}
	start := rotWorld{}
	from := map[rotWorld]step{start: {}}
	for queue := []rotWorld{start}; len(queue) > 0 && broken == nil; queue = queue[1:] {
		w := queue[0]
		w.next(decide, s, func(name string, v rotWorld, why error) {
			if broken != nil {
				return
			}
			if why != nil {
				broken = why
				way = []string{name}
				for at := w; at != start; at = from[at].from {
					way = append(way, from[at].name)
				}
				slices.Reverse(way)
				return
			}
			if _, known := from[v]; !known {
				from[v] = step{w, name}
				queue = append(queue, v)
			}
		})
	}
	return len(from), way, broken
}

// TestDecisions: the promises hold after all events in any order. Every row of the table is reached.
func TestDecisions(t *testing.T) {
	s := seen{}
	states, way, broken := walk(decide, s)
	if broken != nil {
		t.Fatalf("%v:\n%s", broken, strings.Join(way, "\n"))
	}
	t.Logf("%d states", states)
	for _, name := range slices.Sorted(maps.Keys(s)) {
		t.Logf("%9d  %s", s[name], name)
	}
	for _, want := range []string{
		"advance healed=false row=false", "advance healed=false row=true", "same healed=false row=true", "again healed=false row=true",
		"late healed=false row=true", "reuse healed=false row=true",
		"advance healed=true row=true", "same healed=true row=true", "advance healed=true row=false", "same healed=true row=false",
		"refuse: " + token.ErrExpired.Error() + " healed=false row=true", "refuse: " + token.ErrExpired.Error() + " healed=false row=false",
		"refuse: " + ErrRevoked.Error() + " healed=false row=true", "refuse: " + ErrRevoked.Error() + " healed=false row=false",
	} {
		if s[want] == 0 {
			t.Errorf("the walk did not come by: %s", want)
		}
	}
}

// TestDecisionsMatter: each row of the table, answered otherwise, breaks a promise. So none is
// there in vain, and the model sees it.
func TestDecisionsMatter(t *testing.T) {
	refusal := func(fault error) decision { return decision{answer: refuse, fault: fault} }
	for _, c := range []struct {
		name, want string
		change     func(have *Row, p presented, m moment, d decision) decision
	}{
		{"the end of the session is not looked at", "after the end", func(have *Row, p presented, m moment, d decision) decision {
			if errors.Is(d.fault, token.ErrExpired) && have != nil && have.Generation == p.generation {
				return rotLimits().answer(*have, p, m)
			}
			return d
		}},
		{"an expired token of a revoked session is called revoked", "is: token is revoked", func(_ *Row, _ presented, _ moment, d decision) decision {
			if errors.Is(d.fault, token.ErrExpired) {
				return refusal(ErrRevoked)
			}
			return d
		}},
		{"a revoked session goes on", "revoked session", func(have *Row, p presented, m moment, d decision) decision {
			if errors.Is(d.fault, ErrRevoked) && have != nil && have.Generation == p.generation {
				return rotLimits().answer(*have, p, m)
			}
			return d
		}},
		{"d = 0, older than the window: no advance", "not replaced", func(have *Row, _ presented, _ moment, d decision) decision {
			if d.answer == advance && have != nil && !d.healed {
				return decision{answer: same, row: *have}
			}
			return d
		}},
		{"d = 0, inside the window: advance", "logged out", func(_ *Row, _ presented, m moment, d decision) decision {
			if d.answer == same {
				return decision{answer: advance, row: rotLimits().advanced(d.row, m), write: true, healed: d.healed}
			}
			return d
		}},
		{"d = 0, inside the window: not acknowledged", "successor was used", func(_ *Row, _ presented, _ moment, d decision) decision {
			if d.answer == same {
				d.row.Acknowledged = false
			}
			return d
		}},
		{"d = 1, inside the window: refused", "logged out", func(_ *Row, _ presented, _ moment, d decision) decision {
			if d.answer == again {
				return refusal(ErrRevoked)
			}
			return d
		}},
		{"d = 1, inside the window: another successor", "one generation", func(_ *Row, _ presented, m moment, d decision) decision {
			if d.answer == againLate {
				d.row.RotatedAt, d.write = m.now, true
			}
			return d
		}},
		{"d = 1, later, never used: reuse", "logged out", func(_ *Row, _ presented, _ moment, d decision) decision {
			if d.answer == againLate {
				d.answer = reuse
			}
			return d
		}},
		{"d = 1, later, never used: advance", "the token nor its successor", func(_ *Row, _ presented, m moment, d decision) decision {
			if d.answer == againLate {
				return decision{answer: advance, row: rotLimits().advanced(d.row, m), write: true}
			}
			return d
		}},
		{"d = 1, later, used: again", "successor was used", func(have *Row, p presented, _ moment, d decision) decision {
			if d.answer == reuse && have.Generation == p.generation+1 {
				d.answer = again
			}
			return d
		}},
		{"d >= 2: the newest token", "the token nor its successor", func(have *Row, p presented, _ moment, d decision) decision {
			if d.answer == reuse && have.Generation > p.generation+1 {
				d.answer = again
			}
			return d
		}},
		{"d < 0: refused", "logged out", func(have *Row, _ presented, _ moment, d decision) decision {
			if d.healed && have != nil {
				return refusal(errForeign)
			}
			return d
		}},
		{"no row and gen >= 1: refused", "logged out", func(have *Row, _ presented, _ moment, d decision) decision {
			if d.healed && have == nil {
				return refusal(errForeign)
			}
			return d
		}},
		{"a restored session goes on from the store", "the token nor its successor", func(have *Row, _ presented, m moment, d decision) decision {
			if d.healed && have != nil {
				return decision{answer: advance, row: rotLimits().advanced(*have, m), write: true}
			}
			return d
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			changed := func(have *Row, p presented, s revocation.State, m moment, l limits) decision {
				return c.change(have, p, m, decide(have, p, s, m, l))
			}
			_, way, broken := walk(changed, seen{})
			if broken == nil {
				t.Fatal("nothing is broken")
			}
			if !strings.Contains(broken.Error(), c.want) {
				t.Errorf("%v, want %q:\n%s", broken, c.want, strings.Join(way, "\n"))
			}
		})
	}
}
