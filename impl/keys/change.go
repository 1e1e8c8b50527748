package keys

import (
	"slices"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// Replacement tells which keys came and went, by their IDs.
type Replacement struct {
	// Issuer says that the issuer's keys changed, not our own.
	Issuer         bool
	Added, Removed []string
	Active         string // the key that signs now, of our own keys
}

// OnChange makes the source call f for each later change of its keys, until it is called again.
func (s *Source) OnChange(f func(Replacement)) { s.changed.Store(&f) }

// report tells the listener the changes between two sets.
func (s *Source) report(before, after *jwk.Set) {
	listener := s.changed.Load()
	if listener == nil || before == nil {
		return
	}
	for _, issuer := range []bool{false, true} {
		was, is := idsOf(before, issuer), idsOf(after, issuer)
		c := Replacement{Issuer: issuer, Added: without(is, was), Removed: without(was, is)}
		moved := false
		if active := after.Active(s.c.Now()); active != nil && !issuer {
			c.Active = active.ID()
			had := before.Active(s.c.Now())
			moved = had == nil || had.ID() != c.Active
		}
		if moved || len(c.Added)+len(c.Removed) > 0 {
			(*listener)(c)
		}
	}
}

// idsOf returns the IDs of the keys of the issuer, or of our own.
func idsOf(set *jwk.Set, issuer bool) []string {
	var ids []string
	for _, k := range set.All() {
		if k.Issuer() == issuer {
			ids = append(ids, k.ID())
		}
	}
	return ids
}

func without(list, others []string) []string {
	known := func(id string) bool { return slices.Contains(others, id) }
	return slices.DeleteFunc(slices.Clone(list), known)
}

// IssuerAge returns the time since the issuer's keys were last read, or since the start if they were
// never read. ok is false if no URL of an issuer is configured.
func (s *Source) IssuerAge() (age time.Duration, ok bool) {
	return s.c.Now().Sub(time.Unix(0, s.fetched.Load())), s.issuer != nil
}

// SigningEnds returns when the last key that may sign expires, in Unix seconds. ok is false if one
// of them never expires.
func (s *Source) SigningEnds() (at int64, ok bool) {
	for _, k := range s.Keys().All() {
		if !k.CanSign() {
			continue
		}
		if k.Expires() == 0 {
			return 0, false
		}
		at = max(at, k.Expires())
	}
	return at, true
}
