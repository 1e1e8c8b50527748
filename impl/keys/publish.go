package keys

import (
	"bytes"
	"slices"

	"kalsel.dev/refresh/impl/jwk"
)

// useOwnFile takes a file of our own keys into use. It fails if one key is bad.
func (s *Source) useOwnFile(data []byte) error {
	set, err := jwk.ParseSet(data, s.c.AllowWeak)
	if err != nil {
		return err
	}
	return s.useOwn(set)
}

// useOwn takes a set of our own keys into use. It fails if no key may sign or Config.Check refuses
// it.
func (s *Source) useOwn(set *jwk.Set) error {
	active := set.Active(s.c.Now())
	if active == nil {
		return errNoActive
	}
	if s.c.Check != nil {
		if err := s.c.Check(set); err != nil {
			return err
		}
	}
	s.parts.Lock()
	defer s.parts.Unlock()
	if err := s.publish(set, s.theirs); err != nil {
		return err
	}
	if s.file != nil {
		s.c.Log.Info("keys are in use",
			"keys", len(set.All()), "active", active.ID(), "algorithm", active.Algorithm())
	}
	return nil
}

// useIssuerKeys takes the issuer's JWK Set into use. It fails if the set cannot be read, holds a
// secret, or has no usable key.
func (s *Source) useIssuerKeys(data []byte) error {
	s.parts.Lock()
	defer s.parts.Unlock()
	if bytes.Equal(s.theirsText, data) {
		s.fetched.Store(s.c.Now().UnixNano())
		return nil
	}
	theirs, leftOut, err := jwk.ParseIssuerKeys(data, s.c.IssuerAlgorithm)
	if err != nil {
		return err
	}
	if err := s.publish(s.own, theirs); err != nil {
		return err
	}
	s.theirsText = data
	s.fetched.Store(s.c.Now().UnixNano())
	s.c.Log.Info("the issuer's keys are in use", "keys", len(theirs))
	for _, reason := range leftOut {
		s.c.Log.Warn("an issuer key is left out", "reason", reason)
	}
	for _, key := range theirs {
		same := func(own *jwk.Key) bool { return own.ID() == key.ID() }
		if slices.ContainsFunc(s.own.All(), same) {
			s.c.Log.Warn("an issuer key is left out: a key of ours has its ID", "id", key.ID())
		}
	}
	return nil
}

// publish composes the set that tokens are verified with. The caller holds parts.
func (s *Source) publish(own *jwk.Set, theirs []*jwk.Key) error {
	set := own
	if s.c.Issuer != "" {
		var err error
		if set, err = own.WithIssuer(theirs...); err != nil {
			return err
		}
	}
	s.own, s.theirs = own, theirs
	s.report(s.current.Swap(set), set)
	return nil
}
