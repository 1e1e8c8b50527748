package session

import (
	"context"
	"errors"
)

// Directory is where sessions are found by whose they are, and removed when nobody needs them.
type Directory interface {
	// SessionsOf returns up to limit sessions of the identity that are in force at now (Unix milliseconds), those used last first.
	SessionsOf(ctx context.Context, identity string, now int64, limit int) ([]Row, error)
	// ExpireSessions removes up to limit rows that need not be kept at now (Unix milliseconds), and returns how many.
	ExpireSessions(ctx context.Context, now int64, limit int) (int, error)
}

// ErrNoSession means that there is no such session, or none that the caller may know of.
var ErrNoSession = errors.New("there is no such session")

// SessionsOf returns up to limit sessions of the identity that are in force, those used last first. ErrNoRotation: they are not kept.
func (s *Service) SessionsOf(ctx context.Context, identity string, limit int) ([]Row, error) {
	if s.rotator == nil {
		return nil, ErrNoRotation
	}
	return s.rotator.Directory.SessionsOf(ctx, identity, s.now().UnixMilli(), limit)
}

// EndOwn ends the session with this ID if it is the identity's, or anybody's where identity is empty. Else it returns ErrNoSession. See
// Revoker for what its return means.
func (s *Service) EndOwn(ctx context.Context, id ID, identity, reason string) error {
	if s.rotator == nil {
		return ErrNoRotation
	}
	row, err := s.rotator.Sessions.Session(ctx, id)
	if err != nil {
		return err
	}
	if row == nil || identity != "" && row.Identity != identity {
		return ErrNoSession
	}
	_, err = s.EndSession(ctx, id, row.Identity, reason)
	return err
}

// expire removes rows that need not be kept any more, in batches.
func (r *rotator) expire(ctx context.Context, clock Clock) {
	sweep(ctx, clock, func(now Instant) {
		if err := inBatches(ctx, now, r.Directory.ExpireSessions); err != nil {
			r.log.Debug("Expired sessions could not be removed", "error", err)
		}
	})
}
