package session

import (
	"context"
	"log/slog"
	"strconv"
	"sync/atomic"
)

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

// count counts an answer that was given, and reports the answers that an operator should know of.
func (r *rotator) count(ctx context.Context, q *redemption, d decision, have *Row) {
	switch d.answer {
	case advance:
		r.counts.advanced.Add(1) // advanceUnread has adopted the others
	case same:
		r.counts.same.Add(1)
	case again:
		r.counts.again.Add(1)
	case againLate:
		r.counts.late.Add(1)
		r.audit.Record(ctx, lateReplayEvent(q, d.row))
	}
	if d.healed {
		r.counts.healed.Add(1)
		stored := "none"
		if have != nil {
			stored = strconv.FormatInt(have.Generation, 10)
		}
		r.log.LogAttrs(ctx, slog.LevelError, "A refresh token is ahead of its session: the store was "+
			"restored, or it failed over with loss. The session goes on from the token; follow the "+
			"restore procedure",
			slog.String("alarm", "token_ahead_of_store"),
			slog.String("session", d.row.ID.String()),
			slog.String("identity", d.row.Identity),
			slog.Int64("generation", q.generation),
			slog.String("stored", stored))
	}
}
