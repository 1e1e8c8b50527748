package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"kalsel.dev/refresh/impl/session"
)

// Revoke commits r and returns what is in force then. A session that was ended before keeps its time and reason, and a cut-off
// never moves back.
func (s *Store) Revoke(ctx context.Context, r session.Revocation) (session.Revocation, error) {
	id := rowID(r.Key(), r.OfIdentity())
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// First, because it makes the others wait: what follows sees all that has a lower sequence.
		if err := tx.QueryRowContext(ctx, raiseHead).Scan(&r.Sequence); err != nil {
			return err
		}
		changed, err := insert(ctx, tx, id, &r)
		if err != nil {
			return err
		}
		if r, err = scanRevocation(tx.QueryRowContext(ctx, selectRevocation, id)); err != nil {
			return err
		}
		if !changed {
			return errUnchanged // the sequence goes back too
		}
		return s.engine.announce(ctx, tx)
	})
	return r, err
}

func insert(ctx context.Context, tx *sql.Tx, id string, r *session.Revocation) (bool, error) {
	statement := insertSession
	if r.OfIdentity() {
		statement = insertCutoff
	}
	result, err := tx.ExecContext(ctx, statement, id, r.Sequence, escape(r.Identity), escape(r.Reason), r.RevokedAt, r.KeptUntil)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// List returns up to limit revocations in force at now (Unix milliseconds), newest first, with sequences below before. The
// next page starts before the last one's sequence. One that is renewed meanwhile gets a new sequence, and so moves to the front.
func (s *Store) List(ctx context.Context, before, now int64, limit int) ([]session.Revocation, error) {
	return query(ctx, s, scanRevocation, selectPage, before, now, limit)
}

func scanRevocation(row row) (session.Revocation, error) {
	var r session.Revocation
	var id []byte
	err := row.Scan(&id, &r.Sequence, &r.Identity, &r.Reason, &r.RevokedAt, &r.KeptUntil)
	if err != nil {
		return r, err
	}
	r.Identity, r.Reason = unescape(r.Identity), unescape(r.Reason)
	key, ofIdentity, err := parseRowID(id)
	if !ofIdentity {
		r.Session = key
	}
	return r, err
}

// Standing looks one subject up. A zero session is not looked for.
func (s *Store) Standing(ctx context.Context, id session.ID, identity string) (session.Standing, error) {
	cutoff := session.Revocation{Identity: identity}
	var standing session.Standing
	err := s.read(ctx, func(ctx context.Context) error {
		standing = session.Standing{}
		rows, err := s.reads.QueryContext(ctx, selectStanding, rowID(id, false), rowID(cutoff.Key(), true))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scanStanding(rows, &standing); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return standing, err
}

func scanStanding(rows *sql.Rows, standing *session.Standing) error {
	var id sql.RawBytes
	var at int64
	if err := rows.Scan(&id, &at); err != nil {
		return err
	}
	if _, ofIdentity, err := parseRowID(id); err != nil || !ofIdentity {
		standing.Revoked = err == nil
		return err
	}
	standing.Cutoff, standing.HasCutoff = at/1000, true
	return nil
}

// Expire removes up to limit revocations that need not be kept at now (Unix milliseconds), and returns how many.
func (s *Store) Expire(ctx context.Context, now int64, limit int) (int, error) {
	n, err := s.exec(ctx, deleteExpired, now, limit)
	return int(n), err
}

const (
	sessionMark  = "s"
	identityMark = "i"
)

// A row's id says what it is about, and is the same length for all.
func rowID(key session.ID, ofIdentity bool) string {
	kind := sessionMark
	if ofIdentity {
		kind = identityMark
	}
	return kind + key.String()
}

var errRowID = errors.New("not the id of a revocation")

func parseRowID(id []byte) (key session.ID, ofIdentity bool, err error) {
	if len(id) != 1+hex.EncodedLen(len(key)) {
		return key, false, errRowID
	}
	if _, err := hex.Decode(key[:], id[1:]); err != nil {
		return key, false, fmt.Errorf("%w: %w", errRowID, err)
	}
	return key, id[0] == 'i', nil
}
