package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"kalsel.dev/refresh/impl/revocation"
)

// Revoke commits r, and returns the revocation that is in force then. If the session was revoked before,
// it keeps its time and reason. A cut-off never moves back.
func (s *Store) Revoke(ctx context.Context, r revocation.Revocation) (revocation.Revocation, error) {
	id := rowID(r.Kind, r.Key())
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		// This comes first, because it locks the row of the feed: the next statements see every revocation
		// that has a lower sequence.
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
			return errUnchanged // which takes the sequence back too
		}
		return s.engine.announce(ctx, tx)
	})
	return r, err
}

func insert(ctx context.Context, tx *sql.Tx, id string, r *revocation.Revocation) (bool, error) {
	statement := insertSession
	if r.Kind == revocation.OfIdentity {
		statement = insertCutoff
	}
	result, err := tx.ExecContext(ctx, statement, id, r.Sequence, r.Identity, r.Reason, r.RevokedAt, r.KeptUntil)
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// List returns up to limit revocations in force at now (Unix milliseconds), the newest first, with
// sequences below before. The next page starts before the last sequence of this one. If a revocation is
// renewed meanwhile, it gets a new sequence and moves to the front.
func (s *Store) List(ctx context.Context, before, now int64, limit int) ([]revocation.Revocation, error) {
	return query(ctx, s, scanRevocation, selectPage, before, now, limit)
}

func scanRevocation(row row) (revocation.Revocation, error) {
	var r revocation.Revocation
	var id []byte
	err := row.Scan(&id, &r.Sequence, &r.Identity, &r.Reason, &r.RevokedAt, &r.KeptUntil)
	if err != nil {
		return r, err
	}
	var key revocation.Key
	if r.Kind, key, err = parseRowID(id); r.Kind == revocation.OfSession {
		r.Session = key
	}
	return r, err
}

// Lookup reads what the store knows about a session and an identity. It looks for no session if the
// session ID is zero.
func (s *Store) Lookup(ctx context.Context, session revocation.SessionID, identity string) (revocation.State, error) {
	var state revocation.State
	err := s.read(ctx, func(ctx context.Context) error {
		rows, err := s.reads.QueryContext(ctx, selectState, rowID(revocation.OfSession, session),
			rowID(revocation.OfIdentity, revocation.HashOfIdentity(identity)))
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id sql.RawBytes
			var at int64
			if err := rows.Scan(&id, &at); err != nil {
				return err
			}
			switch kind, _, err := parseRowID(id); {
			case err != nil:
				return err
			case kind == revocation.OfSession:
				state.Revoked = true
			default:
				state.Cutoff, state.HasCutoff = at/1000, true
			}
		}
		return rows.Err()
	})
	return state, err
}

// Expire removes up to limit revocations that need not be kept at now (Unix milliseconds), and returns
// how many it removed.
func (s *Store) Expire(ctx context.Context, now int64, limit int) (int, error) {
	n, err := s.exec(ctx, deleteExpired, now, limit)
	return int(n), err
}

const (
	sessionMark  = "s"
	identityMark = "i"
)

// rowID returns the id of a revocation's row: its kind and its key. All have the same length.
func rowID(kind revocation.Kind, key revocation.Key) string {
	mark := sessionMark
	if kind == revocation.OfIdentity {
		mark = identityMark
	}
	return mark + hex.EncodeToString(key[:])
}

var errRowID = errors.New("not the id of a revocation")

func parseRowID(id []byte) (kind revocation.Kind, key revocation.Key, err error) {
	if len(id) != 1+hex.EncodedLen(len(key)) {
		return 0, key, errRowID
	}
	if _, err := hex.Decode(key[:], id[1:]); err != nil {
		return 0, key, fmt.Errorf("%w: %w", errRowID, err)
	}
	switch string(id[:1]) {
	case sessionMark:
		return revocation.OfSession, key, nil
	case identityMark:
		return revocation.OfIdentity, key, nil
	}
	return 0, key, errRowID
}
