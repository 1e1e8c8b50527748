package session

import (
	"context"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// Subject lets the tests outside this package name subjects.
type Subject = subject

// SubjectOf and SubjectOfAccess return the subject whose revocations a Service looks up.
var (
	SubjectOf       = subjectOf
	SubjectOfAccess = subjectOfAccess
)

// StartedAt is the subject of a token whose session has a row.
func StartedAt(t *token.Token, seconds int64) Subject {
	return subject{identity: t.Identity, started: seconds, hasStarted: true}
}

// Reject looks a subject up as a Service does.
func Reject(ctx context.Context, n *revocation.Node, of Subject) error {
	state, err := n.Lookup(ctx, of.id, of.identity)
	if err != nil {
		return err
	}
	return of.rejection(state)
}
