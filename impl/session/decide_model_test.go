package session

import (
	"errors"
	"fmt"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// The decision as a model, which decide_explore_test.go walks exhaustively. Two tabs of one honest
// client share their storage; a thief copies tokens and presents them; a revoker ends the
// session; requests and answers get lost, also because the server crashes between commit and answer;
// the store is restored from a backup. Time passes in ticks of one window.
//
// The model assumes two things of the honest client, and docs/rotation.md tells both: a request and
// its answer take less than a window, and a client that was handed a successor late does not use it
// while a request with the older token is in progress.

const (
	rotTicks  = 3 // in the tick after these the session has expired
	rotGens   = 7 // more than there are windows, for what is wrong on purpose
	rotWindow = 30_000
	rotStart  = 1_700_000_000_000
)

type decider func(*Row, presented, revocation.State, moment, limits) decision

// rotWorld is one state. It is comparable, and fields that have no meaning any more are zero.
type rotWorld struct {
	tick      uint8
	row       rotRow
	backup    rotRow
	backedUp  bool
	restored  bool
	revoked   uint8          // notRevoked, theSession, allSessions
	reused    bool           // an answer said so
	minted    [rotGens]uint8 // tick in which the token came to be, and 1; 0: never
	used      uint8          // generations that were accepted, as bits
	held      uint8          // what the tabs have stored
	tabs      [2]rotCall
	thief     uint8 // generations that the thief has, as bits
	disturbed bool  // the thief has presented something
}

const (
	notRevoked uint8 = iota
	theSession
	allSessions
)

type rotRow struct {
	there   bool
	gen     uint8
	rotated uint8
	acked   bool
}

// rotCall is a tab's request: on its way there, or its answer on the way back.
type rotCall struct {
	sent, answered bool
	gen            uint8 // of the token sent, or answered with
}

func (w *rotWorld) now() int64 { return rotStart + int64(w.tick)*rotWindow }

func rotLimits() limits { return limits{window: rotWindow} }

func rotExpires() int64 { return rotStart + (rotTicks+1)*rotWindow }

// stored is the row as decide reads it.
func (r rotRow) stored() *Row {
	if !r.there {
		return nil
	}
	return &Row{
		Identity:     "who",
		StartedAt:    rotStart,
		Generation:   int64(r.gen),
		RotatedAt:    rotStart + int64(r.rotated)*rotWindow,
		Acknowledged: r.acked,
		ExpiresAt:    rotExpires(),
		EndsAt:       rotExpires(),
	}
}

func rotRowOf(r Row) rotRow {
	return rotRow{
		there:   true,
		gen:     uint8(r.Generation),
		rotated: uint8((r.RotatedAt - rotStart) / rotWindow),
		acked:   r.Acknowledged,
	}
}

// seen counts which rows of the table the walk came by.
type seen map[string]int

// present gives the server a token. It returns the generation of the answer's token; ok is false
// where it is refused.
func (w *rotWorld) present(
	decide decider, gen uint8, honest bool, s seen,
) (_ uint8, ok bool, broken error) {
	p := presented{
		subject:    subject{identity: "who", started: rotStart / 1000, hasStarted: gen == 0},
		generation: int64(gen), expires: rotExpires() / 1000, trusted: true,
	}
	if gen > 0 {
		p.issuedAt = (rotStart + int64(w.minted[gen]-1)*rotWindow) / 1000
	}
	standing := revocation.State{
		Revoked:   w.revoked == theSession,
		HasCutoff: w.revoked == allSessions,
		Cutoff:    (w.now() + 1000) / 1000,
	}
	d := decide(w.row.stored(), p, standing, moment{now: w.now()}, rotLimits())
	s[fmt.Sprintf("%s healed=%t row=%t", nameOf(d), d.healed, w.row.there)]++
	before := w.row
	if d.write {
		w.row = rotRowOf(d.row)
	}
	if d.answer == reuse {
		w.reused = true
		w.revoked = max(w.revoked, theSession)
	}
	if d.answer == refuse || d.answer == reuse {
		return 0, false, w.refusalBroken(d, honest)
	}
	out := uint8(d.row.Generation)
	if d.answer == same {
		out = gen
	}
	return out, true, w.grantBroken(d, before, gen, out)
}

func nameOf(d decision) string {
	if d.answer == refuse {
		return "refuse: " + d.fault.Error()
	}
	return map[answer]string{
		advance:   "advance",
		same:      "same",
		again:     "again",
		againLate: "late",
		reuse:     "reuse",
	}[d.answer]
}

// refusalBroken: an honest client is logged out only by the revoker, by the end of the session, or
// after a thief was there.
func (w *rotWorld) refusalBroken(d decision, honest bool) error {
	over := w.now() >= rotExpires()
	switch {
	case over != errors.Is(d.fault, token.ErrExpired):
		return fmt.Errorf("the answer to a token in tick %d is: %w", w.tick, d.fault)
	case over || !honest || w.disturbed:
		return nil
	case w.revoked == notRevoked || w.reused:
		return errors.New("an honest client is logged out")
	}
	return nil
}

// grantBroken checks the promises that hold whenever a token is given.
func (w *rotWorld) grantBroken(d decision, before rotRow, gen, out uint8) error {
	switch {
	case w.now() >= rotExpires():
		return errors.New("a token is given after the end of the session")
	case w.revoked != notRevoked || w.reused:
		return errors.New("a token is given for a revoked session")
	case before.there && w.row.gen < before.gen:
		return errors.New("the generation moves back")
	case out < gen || int(out) > int(gen)+1:
		return errors.New("the answer is neither the token nor its successor")
	}
	w.used |= 1 << gen
	if w.restored {
		w.minted[out] = uint8((d.row.RotatedAt-rotStart)/rotWindow) + 1
		return nil
	}
	return w.lineBroken(d, gen, out)
}

// lineBroken checks the promises that hold as long as the store has lost nothing.
func (w *rotWorld) lineBroken(d decision, gen, out uint8) error {
	tick := uint8((d.row.RotatedAt-rotStart)/rotWindow) + 1
	switch {
	case w.minted[out] != 0 && out != gen && w.minted[out] != tick:
		return errors.New("two different tokens have one generation")
	case out == gen && w.minted[gen]-1 != w.tick:
		return errors.New("a token is not replaced though it is older than the window")
	case w.used&(1<<(gen+1)) != 0 && w.tick >= w.minted[gen+1]:
		return errors.New(
			"a token is accepted though its successor was used and the window has passed")
	}
	if out != gen {
		w.minted[out] = tick
	}
	return nil
}
