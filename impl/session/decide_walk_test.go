package session

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

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
		"advance healed=false row=false", "advance healed=false row=true",
		"same healed=false row=true", "again healed=false row=true",
		"late healed=false row=true", "reuse healed=false row=true",
		"advance healed=true row=true", "same healed=true row=true",
		"advance healed=true row=false", "same healed=true row=false",
		"refuse: " + token.ErrExpired.Error() + " healed=false row=true",
		"refuse: " + token.ErrExpired.Error() + " healed=false row=false",
		"refuse: " + ErrRevoked.Error() + " healed=false row=true",
		"refuse: " + ErrRevoked.Error() + " healed=false row=false",
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
		{"the end of the session is not looked at", "after the end",
			func(have *Row, p presented, m moment, d decision) decision {
				if errors.Is(d.fault, token.ErrExpired) && have != nil &&
					have.Generation == p.generation {
					return rotLimits().answer(*have, p, m)
				}
				return d
			}},
		{"an expired token of a revoked session is called revoked", "is: token is revoked",
			func(_ *Row, _ presented, _ moment, d decision) decision {
				if errors.Is(d.fault, token.ErrExpired) {
					return refusal(ErrRevoked)
				}
				return d
			}},
		{"a revoked session goes on", "revoked session",
			func(have *Row, p presented, m moment, d decision) decision {
				if errors.Is(d.fault, ErrRevoked) && have != nil &&
					have.Generation == p.generation {
					return rotLimits().answer(*have, p, m)
				}
				return d
			}},
		{"d = 0, older than the window: no advance", "not replaced",
			func(have *Row, _ presented, _ moment, d decision) decision {
				if d.answer == advance && have != nil && !d.healed {
					return decision{answer: same, row: *have}
				}
				return d
			}},
		{"d = 0, inside the window: advance", "logged out",
			func(_ *Row, _ presented, m moment, d decision) decision {
				if d.answer == same {
					return decision{
						answer: advance,
						row:    rotLimits().advanced(d.row, m),
						write:  true,
						healed: d.healed,
					}
				}
				return d
			}},
		{"d = 0, inside the window: not acknowledged", "successor was used",
			func(_ *Row, _ presented, _ moment, d decision) decision {
				if d.answer == same {
					d.row.Acknowledged = false
				}
				return d
			}},
		{"d = 1, inside the window: refused", "logged out",
			func(_ *Row, _ presented, _ moment, d decision) decision {
				if d.answer == again {
					return refusal(ErrRevoked)
				}
				return d
			}},
		{"d = 1, inside the window: another successor", "one generation",
			func(_ *Row, _ presented, m moment, d decision) decision {
				if d.answer == againLate {
					d.row.RotatedAt, d.write = m.now, true
				}
				return d
			}},
		{"d = 1, later, never used: reuse", "logged out",
			func(_ *Row, _ presented, _ moment, d decision) decision {
				if d.answer == againLate {
					d.answer = reuse
				}
				return d
			}},
		{"d = 1, later, never used: advance", "the token nor its successor",
			func(_ *Row, _ presented, m moment, d decision) decision {
				if d.answer == againLate {
					return decision{
						answer: advance,
						row:    rotLimits().advanced(d.row, m),
						write:  true,
					}
				}
				return d
			}},
		{"d = 1, later, used: again", "successor was used",
			func(have *Row, p presented, _ moment, d decision) decision {
				if d.answer == reuse && have.Generation == p.generation+1 {
					d.answer = again
				}
				return d
			}},
		{"d >= 2: the newest token", "the token nor its successor",
			func(have *Row, p presented, _ moment, d decision) decision {
				if d.answer == reuse && have.Generation > p.generation+1 {
					d.answer = again
				}
				return d
			}},
		{"d < 0: refused", "logged out",
			func(have *Row, _ presented, _ moment, d decision) decision {
				if d.healed && have != nil {
					return refusal(errForeign)
				}
				return d
			}},
		{"no row and gen >= 1: refused", "logged out",
			func(have *Row, _ presented, _ moment, d decision) decision {
				if d.healed && have == nil {
					return refusal(errForeign)
				}
				return d
			}},
		{"a restored session goes on from the store", "the token nor its successor",
			func(have *Row, _ presented, m moment, d decision) decision {
				if d.healed && have != nil {
					return decision{
						answer: advance,
						row:    rotLimits().advanced(*have, m),
						write:  true,
					}
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
