package guard

import (
	"fmt"
	"slices"
)

// next calls visit with every state that one transition leads to.
func (w world) next(r *rules, visit func(string, world)) {
	change := func(event string, f func(*world)) {
		v := w
		f(&v)
		v.tidy(r)
		visit(event, v)
	}
	w.nextOfGuard(r, change)
	w.nextOfServer(r, change)
	for i := range w.revokes {
		w.nextOfRevoke(uint8(i), r, change)
		if !w.revokes[i].begun {
			break // the sessions are alike: the first one begins
		}
	}
	w.nextOfCheck(r, change)
	w.ticks(r, change)
}

func (w *world) nextOfGuard(r *rules, change func(string, func(*world))) {
	next := r.follower[w.guard.at]
	if next != receive || w.answer.there {
		change("the guard "+next.String(), func(w *world) { w.step(r) })
	}
	if w.request.there || w.answer.there {
		change("the guard's request times out", func(w *world) {
			w.request, w.answer = message{}, message{}
			w.guard.begin()
		})
	}
	change("the guard's process is restarted", func(w *world) {
		w.request, w.answer, w.guard, w.check = message{}, message{}, modelGuard{}, modelCheck{}
	})
}

func (w *world) nextOfServer(r *rules, change func(string, func(*world))) {
	serve := func(from *log) func(*world) {
		answer := from.page(r, w.request, w.epoch)
		return func(w *world) { w.request, w.answer = message{}, answer }
	}
	if w.request.there {
		change("the server answers", serve(&w.store))
	}
	if w.request.there && !r.confirmed {
		change("the server answers from a database that was replaced", serve(&w.replica))
	}
	if !r.confirmed {
		change("the replaced database catches up", func(w *world) { w.replica = w.store })
	}
	if w.epoch < modelRestores && !w.epochDue {
		// A restore takes the revocations over that the store had. Their sequences change.
		change("the store is restored", func(w *world) {
			if w.store.head() == modelSessions {
				slices.Reverse(w.store.session[:])
				slices.Reverse(w.store.shown[:])
			}
			if w.epochDue = !r.epochFirst; r.epochFirst {
				w.epoch++
			}
		})
	}
	if w.epochDue {
		change("the epoch is replaced", func(w *world) {
			w.epoch++
			w.epochDue = false
		})
	}
}

func (w *world) nextOfRevoke(i uint8, r *rules, change func(string, func(*world))) {
	session := i + 1
	switch is := &w.revokes[i]; {
	case !is.begun && r.inOrder:
		change(fmt.Sprintf("the revocation of session %d is committed", session), func(w *world) {
			w.store.session[w.store.free()] = session
			w.store.show(session)
			w.revokes[i].begun = true
		})
	case !is.begun:
		change(fmt.Sprintf("the revocation of session %d receives its sequence", session), func(w *world) {
			w.store.session[w.store.free()] = session
			w.revokes[i].begun = true
		})
	case !w.store.shows(session):
		change(fmt.Sprintf("the revocation of session %d is committed", session), func(w *world) {
			w.store.show(session)
		})
	case !is.returned:
		change(fmt.Sprintf("the revocation of session %d is answered", session), func(w *world) {
			w.revokes[i].returned = true
		})
	}
}

func (w *world) nextOfCheck(r *rules, change func(string, func(*world))) {
	if w.check.session != 0 {
		change("the check "+r.check[w.check.at].String(), func(w *world) { w.stepCheck(r) })
		return
	}
	for i := range w.revokes {
		if w.revokes[i].since >= modelStale {
			change(fmt.Sprintf("a check of session %d begins", i+1), func(w *world) {
				w.check.session = uint8(i) + 1
			})
		}
	}
}

// ticks lets time pass. The guard's machine may be suspended during a tick.
func (w *world) ticks(r *rules, change func(string, func(*world))) {
	tick := func(asleep bool) func(*world) {
		return func(w *world) {
			w.guard.noted.pass(asleep, r.stale)
			w.guard.sent.pass(asleep, r.stale)
			for i := range w.revokes {
				if w.revokes[i].returned {
					w.revokes[i].since = min(w.revokes[i].since+1, modelStale)
				}
			}
		}
	}
	change("a tick passes", tick(false))
	if r.suspends {
		change("a tick passes, the guard's machine is suspended", tick(true))
	}
	if r.setsBack {
		change("the guard's wall clock is set back", func(w *world) {
			w.guard.noted.wall, w.guard.sent.wall = 0, 0
		})
	}
}

// tidy clears the fields that have no meaning, so that equal states are equal.
func (w *world) tidy(r *rules) {
	g := &w.guard
	if g.sent.stale(r) {
		g.hasSent, g.sent = false, age{}
	}
	switch {
	case g.at <= uint8(slices.Index(r.follower, note)):
		g.noted = age{}
	case g.noted.stale(r) && !r.setsBack:
		g.noted = age{r.stale, r.stale}
	}
	if g.at > uint8(slices.Index(r.follower, apply)) {
		g.page.session = 0
	}
}
