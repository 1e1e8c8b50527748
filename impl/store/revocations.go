package store

import (
	"context"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
)

// Revoke commits r, and returns the revocation that is in force then. If the session was revoked
// before, it keeps its time, reason and actor. A cut-off never moves back.
func (s *Store) Revoke(
	ctx context.Context, r revocation.Revocation,
) (revocation.Revocation, error) {
	for {
		inForce, err := s.revokeOnce(ctx, r)
		if !errors.Is(err, errRevokedMeanwhile) {
			return inForce, err
		}
	}
}

// errRevokedMeanwhile means that another process committed the same revocation in between.
var errRevokedMeanwhile = errors.New("the revocation was made meanwhile")

func (s *Store) revokeOnce(
	ctx context.Context, r revocation.Revocation,
) (revocation.Revocation, error) {
	id := rowID(r.Kind, r.Key())
	var inForce revocation.Revocation
	err := s.write(ctx, func(ctx context.Context, tx *sql.Tx) error {
		lifetimes, err := lifetimesOf(ctx, tx, r)
		if err != nil {
			return err
		}
		r.KeptUntil, r.OneToken = session.KeptUntil(r, lifetimes), false
		confirm, bound, insert := confirmSession, r.KeptUntil, insertSession
		if r.Kind == revocation.OfIdentity {
			confirm, bound, insert = confirmCutoff, r.RevokedAt, insertCutoff
		}
		inForce, err = scanRevocation(tx.QueryRowContext(ctx, confirm, id, bound))
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		// This locks the row of the feed until the commit: sequences are committed in their order.
		inForce = r
		if err := tx.QueryRowContext(ctx, raiseHead).Scan(&inForce.Sequence); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, insert, id, inForce.Sequence, r.Identity, r.Reason, r.Actor,
			r.RevokedAt, r.KeptUntil)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errRevokedMeanwhile)
		}
		if inForce, err = scanRevocation(tx.QueryRowContext(ctx, selectRevocation, id)); err != nil {
			return err
		}
		return s.engine.announce(ctx, tx)
	})
	return inForce, err
}

// List returns up to limit revocations in force at now (Unix milliseconds), the newest first, with
// sequences below before. The next page starts before the last sequence of this one. If a
// revocation is renewed meanwhile, it gets a new sequence and moves to the front.
func (s *Store) List(
	ctx context.Context, before, now int64, limit int,
) ([]revocation.Revocation, error) {
	var list []revocation.Revocation
	err := s.readCurrent(ctx, func(ctx context.Context, h handle) (err error) {
		list, err = query(ctx, h, scanRevocation, selectPage, before, now, limit)
		return err
	})
	return list, err
}

func scanRevocation(row row) (revocation.Revocation, error) {
	var r revocation.Revocation
	var id []byte
	err := row.Scan(&id, &r.Sequence, &r.Identity, &r.Reason, &r.Actor, &r.RevokedAt, &r.KeptUntil)
	if err != nil {
		return r, err
	}
	var key revocation.Key
	if r.Kind, key, err = parseRowID(id); r.Kind == revocation.OfSession {
		r.Session = key
	}
	return r, err
}

// RevocationsOf returns the revocations in the store of a session, and of an identity. Each is nil
// if there is none.
func (s *Store) RevocationsOf(
	ctx context.Context, id revocation.SessionID, identity string,
) (ofSession, ofIdentity *revocation.Revocation, err error) {
	var found []revocation.Revocation
	err = s.readCurrent(ctx, func(ctx context.Context, h handle) (err error) {
		found, err = query(ctx, h, scanRevocation, selectRevocations, rowID(revocation.OfSession, id),
			rowID(revocation.OfIdentity, revocation.HashOfIdentity(identity)))
		return err
	})
	for i := range found {
		if found[i].Kind == revocation.OfSession {
			ofSession = &found[i]
		} else {
			ofIdentity = &found[i]
		}
	}
	return ofSession, ofIdentity, err
}

// Lookup reads what the store knows about a session and an identity. It looks for no session if the
// session ID is zero.
func (s *Store) Lookup(
	ctx context.Context, session revocation.SessionID, identity string,
) (revocation.State, error) {
	var state revocation.State
	err := s.readCurrent(ctx, func(ctx context.Context, h handle) error {
		state = revocation.State{}
		rows, err := h.QueryContext(ctx, selectState, rowID(revocation.OfSession, session),
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

// Expire removes up to limit revocations that need not be kept at now (Unix milliseconds), and
// returns how many it removed.
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
