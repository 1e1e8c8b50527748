package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"

	"kalsel.dev/refresh/impl/revocation"
)

// Revoke commits r, and returns the revocation that is in force then. If the session was revoked
// before, it keeps its time, reason and actor. A cut-off never moves back.
func (s *Store) Revoke(
	ctx context.Context, r revocation.Revocation,
) (revocation.Revocation, error) {
	limited, cancel := context.WithTimeout(ctx, statementLimit)
	defer cancel()
	// Signing out a user goes first: it must not wait behind a crowd of logouts.
	queue := s.revokes.jobs
	if r.Kind == revocation.OfIdentity {
		queue = s.revokes.first
	}
	if err := s.own.err(); err != nil {
		return revocation.Revocation{}, err
	}
	for {
		wanted := &revoking{want: r}
		err := s.revokes.do(limited, queue, wanted)
		if !errors.Is(err, errRevokedMeanwhile) {
			return wanted.inForce, s.explain(ctx, err)
		}
	}
}

// List returns up to limit revocations in force at now (Unix milliseconds), the newest first, with
// sequences below before. The next page starts before the last sequence of this one. If a
// revocation is renewed meanwhile, it gets a new sequence and moves to the front.
func (s *Store) List(
	ctx context.Context, before, now int64, limit int,
) ([]revocation.Revocation, error) {
	var list []revocation.Revocation
	err := s.readCurrent(ctx, all(&list, scanRevocation, selectPage, before, now, limit))
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
	err = s.readCurrent(ctx, all(&found, scanRevocation, selectRevocations, rowID(revocation.OfSession, id),
		rowID(revocation.OfIdentity, revocation.HashOfIdentity(identity))))
	for i := range found {
		if found[i].Kind == revocation.OfSession {
			ofSession = &found[i]
		} else {
			ofIdentity = &found[i]
		}
	}
	return ofSession, ofIdentity, err
}

// Lookup reads the revocation state of a session and an identity. It looks for no session if the
// session ID is zero.
func (s *Store) Lookup(
	ctx context.Context, session revocation.SessionID, identity string,
) (revocation.State, error) {
	var state revocation.State
	args := []any{rowID(revocation.OfSession, session), rowID(revocation.OfIdentity, revocation.HashOfIdentity(identity))}
	err := s.readCurrent(ctx, &statement{text: selectState, args: args, each: func(r row) error {
		var id []byte
		var at int64
		if err := r.Scan(&id, &at); err != nil {
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
		return nil
	}})
	if err != nil {
		return revocation.State{}, err
	}
	return state, nil
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
