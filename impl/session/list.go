package session

import (
	"context"
	"errors"

	"kalsel.dev/refresh/impl/revocation"
)

var (
	// ErrNoRotation means that the service keeps no list of sessions: only rotation mode has one.
	ErrNoRotation = errors.New("rotation is off")
	// ErrNoSession means that there is no such session, or none that the caller may know of.
	ErrNoSession = errors.New("there is no such session")
)

// SessionsOf returns up to limit sessions of the identity that are in force, the last used first.
// It returns ErrNoRotation in stateless mode.
func (s *Service) SessionsOf(ctx context.Context, identity string, limit int) ([]Row, error) {
	if s.rotator == nil {
		return nil, ErrNoRotation
	}
	return s.store.SessionsOf(ctx, identity, s.now().UnixMilli(), limit)
}

// RevokeOwn revokes the session with this ID if it belongs to the identity. If identity is empty,
// the session may belong to any. It returns ErrNoSession if there is no such session, and
// ErrNoRotation in stateless mode.
func (s *Service) RevokeOwn(
	ctx context.Context, id revocation.SessionID, identity string, by Origin,
) error {
	if s.rotator == nil {
		return ErrNoRotation
	}
	row, err := s.store.Session(ctx, id)
	if err != nil {
		return err
	}
	if row == nil || identity != "" && row.Identity != identity {
		return ErrNoSession
	}
	_, err = s.RevokeSession(ctx, id, row.Identity, by)
	return err
}

// Revocations returns up to limit revocations in force, the newest first, with sequences below
// before.
func (s *Service) Revocations(
	ctx context.Context, before int64, limit int,
) ([]revocation.Revocation, error) {
	return s.store.List(ctx, before, s.now().UnixMilli(), limit)
}
