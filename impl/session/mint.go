package session

import (
	"fmt"

	"kalsel.dev/refresh/impl/token"
)

// mintAccess mints the access token of a refresh.
func (r *rotator) mintAccess(q *redemption, row Row) (err error) {
	q.access, err = r.minter.Access(q.granted, token.Session{
		ID:      row.ID.String(),
		Started: row.StartedAt / 1000,
	}, q.life, q.now)
	if err != nil {
		return notMinted(err)
	}
	return nil
}

// mint mints the access token, and the newest refresh token of a row. For the same row it returns
// the same refresh token each time.
func (r *rotator) mint(q *redemption, row Row) (token.Minted, error) {
	if err := r.mintAccess(q, row); err != nil {
		return token.Minted{}, err
	}
	m, err := r.minter.Refresh(q.token, token.Successor{
		Session:    row.ID.String(),
		Started:    row.StartedAt / 1000,
		Generation: row.Generation,
		IssuedAt:   row.RotatedAt / 1000,
		Expires:    row.ExpiresAt / 1000,
		KeyID:      row.KeyID,
		Now:        q.now.Unix(),
	})
	if err != nil {
		return m, fmt.Errorf("mint refresh token: %w", err)
	}
	return m, q.from.fits(m.Token)
}
