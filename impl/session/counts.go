package session

import "sync/atomic"

// Counts is how often rotation gave each answer since the process started.
type Counts struct {
	Adopted  int64 // a login's token that was not seen before
	Advanced int64 // the session moved on
	Same     int64 // the newest token again, inside the window
	Again    int64 // its predecessor, inside the window
	Late     int64 // its predecessor, after the window: an answer was lost, or a thief is one step behind
	Reused   int64 // sessions that were revoked because a token was reused
	Healed   int64 // tokens that were ahead of the store; they are counted above as well
}

type counts struct{ adopted, advanced, same, again, late, reused, healed atomic.Int64 }

// Rotations returns how often rotation gave each answer. It returns nil in stateless mode.
func (s *Service) Rotations() *Counts {
	if s.rotator == nil {
		return nil
	}
	c := &s.rotator.counts
	return &Counts{
		Adopted:  c.adopted.Load(),
		Advanced: c.advanced.Load(),
		Same:     c.same.Load(),
		Again:    c.again.Load(),
		Late:     c.late.Load(),
		Reused:   c.reused.Load(),
		Healed:   c.healed.Load(),
	}
}
