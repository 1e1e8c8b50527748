package store

import (
	"context"
	"encoding/hex"
	"errors"
	"strings"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

const (
	sessionColumns = `id, owner, identity, started_at, generation, rotated_at, key_id,
acknowledged, last_used_at, user_agent, expires_at, ends_at, kept_until`
	insertRow = `INSERT INTO refresh_sessions (` + sessionColumns + `)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (id) DO NOTHING`
	advanceRow = `UPDATE refresh_sessions SET generation = $3, rotated_at = $4, key_id = $5,
acknowledged = 0, last_used_at = $4, user_agent = $6, expires_at = $7
WHERE id = $1 AND owner = $2 AND generation = $3 - 1 AND rotated_at <= $8 AND expires_at > $4
AND started_at >= $9 AND ends_at >= $10 AND ends_at <= $11`
	replaceRow = `UPDATE refresh_sessions SET generation = $3, rotated_at = $4, key_id = $5,
acknowledged = $6, last_used_at = $7, user_agent = $8, expires_at = $9, ends_at = $10, kept_until = $11
WHERE id = $1 AND owner = $2 AND generation = $12 AND rotated_at = $13 AND acknowledged = $14
AND last_used_at = $15`
	selectRow = `SELECT ` + sessionColumns + ` FROM refresh_sessions WHERE id = $1`
	// In force: neither expired nor revoked. A cut-off also revokes the sessions that started in
	// its very second.
	selectRows = `SELECT ` + sessionColumns + ` FROM refresh_sessions s WHERE owner = $1 AND expires_at > $2
AND NOT EXISTS (SELECT 1 FROM refresh_revocations r WHERE r.id = $3 || s.id)
AND NOT EXISTS (SELECT 1 FROM refresh_revocations r WHERE r.id = $4
    AND r.revoked_at / 1000 >= s.started_at / 1000)
ORDER BY last_used_at DESC, id LIMIT $5`
	deleteRows = `DELETE FROM refresh_sessions WHERE id IN
(SELECT id FROM refresh_sessions WHERE kept_until < $1 ORDER BY kept_until LIMIT $2)`
)

// frequent returns the statements that every refresh in rotation mode uses.
func frequent() []string { return []string{insertRow, advanceRow, replaceRow} }

// Adopt writes the first row of a session, and returns false if there is one.
func (s *Store) Adopt(ctx context.Context, r session.Row) (bool, error) {
	id := r.ID.String()
	return s.change(ctx, id, insertRow, id, ownerOf(r.Identity), r.Identity, r.StartedAt, r.Generation, r.RotatedAt,
		r.KeyID, flag(r.Acknowledged), r.LastUsedAt, r.UserAgent, r.ExpiresAt, r.EndsAt, r.KeptUntil)
}

// Advance replaces the row by next if it is one generation behind next and meets the precondition.
func (s *Store) Advance(
	ctx context.Context, next session.Row, p session.Precondition,
) (bool, error) {
	id := next.ID.String()
	return s.change(ctx, id, advanceRow, id, ownerOf(next.Identity), next.Generation, next.RotatedAt, next.KeyID,
		next.UserAgent, next.ExpiresAt, p.RotatedUntil, p.StartedFrom, p.EndsFrom, p.EndsUntil)
}

// Replace replaces the row by next if the row is still have.
func (s *Store) Replace(ctx context.Context, have, next session.Row) (bool, error) {
	id := have.ID.String()
	return s.change(ctx, id, replaceRow, id, ownerOf(have.Identity), next.Generation, next.RotatedAt, next.KeyID,
		flag(next.Acknowledged), next.LastUsedAt, next.UserAgent, next.ExpiresAt, next.EndsAt, next.KeptUntil,
		have.Generation, have.RotatedAt, flag(have.Acknowledged), have.LastUsedAt)
}

// Session returns a session's row, or nil if there is none.
func (s *Store) Session(ctx context.Context, id revocation.SessionID) (*session.Row, error) {
	var rows []session.Row
	err := s.readCurrent(ctx, all(&rows, scanRow, selectRow, id.String()))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return &rows[0], nil
}

// SessionsOf returns up to limit sessions of the identity that are in force at now (Unix
// milliseconds), the last used first.
func (s *Store) SessionsOf(
	ctx context.Context, identity string, now int64, limit int,
) ([]session.Row, error) {
	var rows []session.Row
	owner := ownerOf(identity)
	err := s.readCurrent(ctx, all(&rows, scanRow, selectRows, owner, now, sessionMark, identityMark+owner, limit))
	return rows, err
}

// ExpireSessions removes up to limit rows that need not be kept at now (Unix milliseconds), and
// returns how many it removed.
func (s *Store) ExpireSessions(ctx context.Context, now int64, limit int) (int, error) {
	n, err := s.exec(ctx, deleteRows, now, limit)
	return int(n), err
}

func scanRow(row row) (session.Row, error) {
	var r session.Row
	var id, owner string
	var acknowledged int64
	err := row.Scan(&id, &owner, &r.Identity, &r.StartedAt, &r.Generation, &r.RotatedAt, &r.KeyID, &acknowledged, &r.LastUsedAt,
		&r.UserAgent, &r.ExpiresAt, &r.EndsAt, &r.KeptUntil)
	if err != nil {
		return r, err
	}
	r.Acknowledged = acknowledged != 0
	if ownerOf(r.Identity) != owner {
		// Programs before version 3 of the schema doubled each backslash.
		r.Identity = strings.ReplaceAll(r.Identity, `\\`, `\`)
	}
	if r.ID, err = revocation.ParseSessionID(id); err != nil {
		return r, errors.Join(errRowID, err)
	}
	return r, nil
}

// ownerOf returns the key that an identity's rows are found by.
func ownerOf(identity string) string {
	key := revocation.HashOfIdentity(identity)
	return hex.EncodeToString(key[:])
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
