package session

import (
	"strconv"
	"sync/atomic"
)

// Counts is how often each answer of rotation was given since the process started.
type Counts struct {
	Adopted  int64 // a login's token that was not seen before
	Advanced int64
	Same     int64 // the newest token, inside the window
	Again    int64 // its predecessor, inside the window
	Late     int64 // its predecessor, later: the answer was lost, or somebody is one step behind
	Reused   int64 // sessions ended because a token was reused
	Healed   int64 // tokens ahead of the store, among the others
}

type counts struct{ adopted, moved, same, again, late, reused, healed atomic.Int64 }

func (c *counts) advanced(first bool) {
	if first {
		c.adopted.Add(1)
		return
	}
	c.moved.Add(1)
}

func (c *counts) read() Counts {
	return Counts{
		Adopted: c.adopted.Load(), Advanced: c.moved.Load(), Same: c.same.Load(), Again: c.again.Load(),
		Late: c.late.Load(), Reused: c.reused.Load(), Healed: c.healed.Load(),
	}
}

// Rotations returns how often each answer of rotation was given; nil with rotation off.
func (s *Service) Rotations() *Counts {
	if s.rotator == nil {
		return nil
	}
	c := s.rotator.counts.read()
	return &c
}

// note counts an answer, and writes what an operator should see of it.
func (r *rotator) note(q *redemption, d decision, have *Row) {
	switch d.answer {
	case advance:
		r.counts.advanced(have == nil && !d.healed)
	case same:
		r.counts.same.Add(1)
	case again:
		r.counts.again.Add(1)
	case againLate:
		r.counts.late.Add(1)
		r.log.Warn("audit: a refresh token was presented again after the window: its answer was lost, or a copy of it is in use",
			"session", d.row.ID.String(), "identity", d.row.Identity,
			"presented", q.p.Generation, "current", d.row.Generation, "client", q.from.Address)
	}
	if d.healed {
		r.counts.healed.Add(1)
		r.alarm(q, d, have)
	}
}

func (r *rotator) alarm(q *redemption, d decision, have *Row) {
	stored := "none"
	if have != nil {
		stored = strconv.FormatInt(have.Generation, 10)
	}
	r.log.Error("alarm: a refresh token is ahead of its session: the store was restored, or failed over with loss. "+
		"The session goes on from the token; follow the restore procedure",
		"session", d.row.ID.String(), "identity", d.row.Identity, "presented", q.p.Generation, "stored", stored)
}
