package revocation

import (
	"math"
	"sync/atomic"
)

// memory holds all revocations that a node knows. It is safe for concurrent use.
type memory struct {
	sessions hashTable // value: kept until, Unix seconds rounded up
	cutoffs  hashTable // value: the cut-off, Unix seconds
	// If there is no revocation at all, or no cut-off, no key has to be computed for a lookup.
	any, anyCutoff atomic.Bool
}

func (m *memory) apply(c Change) {
	m.any.Store(true)
	if c.Kind == OfIdentity {
		m.cutoffs.raise(c.Key, clamp(c.RevokedAt/1000))
		m.anyCutoff.Store(true)
		return
	}
	m.sessions.raise(c.Key, clamp(c.KeptUntil/1000+1))
}

// expire removes the revoked sessions that need not be kept at now (Unix seconds). Cut-offs stay.
func (m *memory) expire(now int64) { m.sessions.removeBelow(clamp(now)) }

func (m *memory) length() int { return m.sessions.length() + m.cutoffs.length() }

func (m *memory) lookup(session SessionID, identity string) State {
	var s State
	if session != (SessionID{}) {
		_, s.Revoked = m.sessions.get((*Key)(&session))
	}
	if m.anyCutoff.Load() {
		key := HashOfIdentity(identity)
		second, ok := m.cutoffs.get(&key)
		s.Cutoff, s.HasCutoff = int64(second), ok
	}
	return s
}

// clamp fits Unix seconds into 32 bits, which last to the year 2106.
func clamp(seconds int64) uint32 { return uint32(min(max(seconds, 0), math.MaxUint32)) }
