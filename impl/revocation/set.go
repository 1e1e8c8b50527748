package revocation

// Set is a set of revocations in memory, as compact as a node keeps it, for programs that follow the
// feed. The zero value is empty. It is safe for concurrent use.
type Set struct{ m memory }

// Apply adds a change. Nothing that was added before is lost.
func (s *Set) Apply(c Change) { s.m.apply(c) }

// Lookup returns the state of a session and its identity. It looks for no session if the session ID
// is zero.
func (s *Set) Lookup(session SessionID, identity string) State { return s.m.lookup(session, identity) }

// Expire removes the revoked sessions that need not be kept at now, in Unix seconds.
func (s *Set) Expire(now int64) { s.m.expire(now) }

// Len returns the number of revocations.
func (s *Set) Len() int { return s.m.length() }
