// Package revocation makes a revocation take effect on every node before the call that makes it
// returns, while a lookup does no I/O. docs/decisions/0005-strict-revocation.md says how and why it
// holds.
package revocation

import (
	"crypto/sha256"
	"errors"
	"math"
)

// ErrUnavailable means that the store is unavailable, full or too slow: the caller may try again.
// The operation may or may not have taken effect. Nothing that was acknowledged is lost.
var ErrUnavailable = errors.New("the session store is not available")

// ErrOtherStore means that the store is not the one that was opened: it was replaced, or the
// connection leads elsewhere. It is returned together with ErrUnavailable.
var ErrOtherStore = errors.New("the store is not the one that this program opened")

// Forever as Revocation.KeptUntil means that the revocation is never removed.
const Forever = math.MaxInt64

// Kind is the kind of a revocation: of a session or of an identity. The zero value is no kind.
type Kind uint8

const (
	// OfSession revokes the one session with Revocation.Session.
	OfSession Kind = iota + 1
	// OfIdentity revokes the sessions of Revocation.Identity that started up to the second of
	// RevokedAt: it is the identity's cut-off.
	OfIdentity
)

// Revocation revokes one session, or the sessions of one identity.
type Revocation struct {
	Sequence  int64 // place in the feed, from 1
	Kind      Kind
	Session   SessionID // of a revocation of one session
	Identity  string    // may be empty if one session is revoked
	Reason    string
	Actor     string // the user or the command that made it; empty if a program before schema 3 did
	RevokedAt int64  // Unix milliseconds
	KeptUntil int64  // Unix milliseconds, or Forever
	// OneToken is for the store, which may keep the revocation longer than KeptUntil: the session
	// has one token, unless it rotates.
	OneToken bool
}

// ErrInvalid is returned for a revocation that names no session or no identity, or that has a text
// that no store can keep.
var ErrInvalid = errors.New("the revocation is not valid")

// Key is the key that a revocation is found by: the session ID, or the hash of the identity.
type Key = [sha256.Size]byte

// Key returns the revocation's key.
func (r *Revocation) Key() Key {
	if r.Kind == OfIdentity {
		return HashOfIdentity(r.Identity)
	}
	return r.Session
}

// Change is the part of a revocation that nodes keep in memory.
type Change struct {
	Sequence  int64
	Kind      Kind
	Key       Key
	RevokedAt int64 // Unix milliseconds
	KeptUntil int64 // Unix milliseconds, or Forever
}

// change returns the part of r that nodes keep in memory.
func (r *Revocation) change() Change {
	return Change{
		Sequence:  r.Sequence,
		Kind:      r.Kind,
		Key:       r.Key(),
		RevokedAt: r.RevokedAt,
		KeptUntil: r.KeptUntil,
	}
}

// State is the knowledge about one session and its identity.
type State struct {
	Revoked   bool  // the session is revoked
	HasCutoff bool  // the identity has a cut-off
	Cutoff    int64 // Unix seconds: sessions of the identity that started up to this second are revoked
}
