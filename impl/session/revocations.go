package session

import (
	"crypto/sha256"
	"math"
	"sync/atomic"
)

// Forever as Revocation.KeptUntil: never removed.
const Forever = math.MaxInt64

// Revocation ends one session or, with Session zero, the sessions of Identity that started up to the second of RevokedAt.
type Revocation struct {
	Sequence  int64  // place in the feed, from 1
	Session   ID     // zero: all of the identity's
	Identity  string // may be empty where Session is given
	Reason    string
	RevokedAt int64 // Unix milliseconds
	KeptUntil int64 // Unix milliseconds, or Forever
}

// OfIdentity reports that the revocation is the cut-off of an identity.
func (r *Revocation) OfIdentity() bool { return r.Session == ID{} }

// Key is the session's ID, or the SHA-256 of the identity: what the revocation is found by.
func (r *Revocation) Key() ID {
	if r.OfIdentity() {
		return identityKey(r.Identity)
	}
	return r.Session
}

// Change is a revocation as the feed tells it.
type Change struct {
	Sequence   int64
	Key        [sha256.Size]byte
	OfIdentity bool
	RevokedAt  int64 // Unix milliseconds
	KeptUntil  int64 // Unix milliseconds, or Forever
}

// revocations is what a node holds in memory: the sessions that were ended, and the cut-offs of identities.
type revocations struct {
	sessions hashTable // kept until, Unix seconds rounded up
	cutoffs  hashTable // Unix seconds
	// any spares the hash of the session where there is no revocation at all, anyCutoff that of the identity where there is no cut-off.
	any, anyCutoff atomic.Bool
}

func (r *revocations) apply(c Change) {
	r.any.Store(true)
	if c.OfIdentity {
		r.cutoffs.raise(c.Key, clamp(c.RevokedAt/1000))
		r.anyCutoff.Store(true)
		return
	}
	r.sessions.raise(c.Key, clamp(c.KeptUntil/1000+1))
}

// expire forgets the sessions that need not be kept at now (Unix seconds), and returns how many. Cut-offs are never forgotten.
func (r *revocations) expire(now int64) int { return r.sessions.removeBelow(clamp(now)) }

func (r *revocations) length() int { return r.sessions.length() + r.cutoffs.length() }

// standing returns what the memory says about a subject.
func (r *revocations) standing(of Subject) Standing {
	var s Standing
	if of.Session != (ID{}) {
		_, s.Revoked = r.sessions.get(&of.Session)
	}
	if r.anyCutoff.Load() {
		key := identityKey(of.Identity)
		second, ok := r.cutoffs.get(&key)
		s.Cutoff, s.HasCutoff = int64(second), ok
	}
	return s
}

// clamp fits Unix seconds into 32 bits, which last to the year 2106.
func clamp(seconds int64) uint32 { return uint32(min(max(seconds, 0), math.MaxUint32)) }
