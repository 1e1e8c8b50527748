package jwk

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Source returns the keys of the moment, so that a set can be replaced while tokens are verified.
type Source interface {
	Keys() *Set
}

// Set is an immutable set of keys. It is its own Source.
type Set struct {
	keys []*Key
	// byID holds the keys of each ID. Only an issuer may have several, each for another algorithm.
	byID  map[string][]*Key
	noID  []*Key // the key for tokens that name no key, if there is one
	plain bool   // our only key is a secret, so that a kid which is not an issuer's is ignored
	// access is the set of access tokens, if they have keys of their own.
	access *Set
	// trusting is true if the keys of an issuer belong to the set, also while they are not known
	// yet.
	trusting bool
}

// NewSet returns a set in which the order decides: the first key that may sign is the active one.
// It fails if two keys have the same ID.
func NewSet(keys ...*Key) (*Set, error) {
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key")
	}
	s := &Set{keys: slices.Clone(keys), byID: make(map[string][]*Key, len(keys))}
	for _, k := range keys {
		if _, ok := s.byID[k.id]; ok {
			return nil, fmt.Errorf("the key ID %q appears more than once", k.id)
		}
		s.byID[k.id] = []*Key{k}
	}
	s.noID = s.byID[""]
	return s, nil
}

// SecretSet returns the set of one HS256 secret. Tokens signed with it have no kid, and the kid of
// a token is ignored. It fails if the secret is shorter than 32 bytes, unless allowWeak is set.
func SecretSet(secret []byte, allowWeak bool) (*Set, error) {
	key, err := NewKey(Spec{Algorithm: "HS256", Material: secret, AllowWeak: allowWeak})
	if err != nil {
		return nil, err
	}
	keys := []*Key{key}
	return &Set{keys: keys, byID: map[string][]*Key{"": keys}, noID: keys, plain: true}, nil
}

// WithIssuer returns the set with the public keys of a trusted issuer added. They verify only
// tokens whose iss is the configured issuer, never sign, and never replace a key of the set. It
// fails if one of them can sign.
func (s *Set) WithIssuer(keys ...*Key) (*Set, error) {
	set := *s
	set.trusting = true
	set.keys, set.byID = slices.Clone(s.keys), maps.Clone(s.byID)
	for _, k := range keys {
		if k.Symmetric() || k.CanSign() {
			return nil, errors.New("an issuer's key must be a public key")
		}
		if s.byID[k.id] != nil || k.id == "" {
			continue
		}
		issuer := *k
		issuer.issuer = true
		set.keys = append(set.keys, &issuer)
		set.byID[k.id] = append(set.byID[k.id], &issuer)
	}
	return &set, nil
}

// WithAccess returns the set with keys of their own for access tokens. The keys of the set itself
// then verify and sign refresh tokens only.
func (s *Set) WithAccess(access *Set) *Set {
	set := *s
	set.access = access
	return &set
}

// Access returns the keys that sign and verify access tokens: those of WithAccess, or the set
// itself.
func (s *Set) Access() *Set {
	if s.access != nil {
		return s.access
	}
	return s
}

// Keys returns the set itself.
func (s *Set) Keys() *Set { return s }

// All returns the keys in order, those of an issuer last.
func (s *Set) All() []*Key { return slices.Clone(s.keys) }

// Active returns the key that signs now: the first that can sign, whose nbf has come and whose exp
// has not. It returns nil if there is none.
func (s *Set) Active(now time.Time) *Key {
	unix := now.Unix()
	for _, k := range s.keys {
		if k.active(unix) {
			return k
		}
	}
	return nil
}

// Signer returns the key of this ID if it can sign and has not expired, else the active key. The
// nbf of a named key does not count: the key has signed before.
func (s *Set) Signer(id string, now time.Time) *Key {
	for _, k := range s.byID[id] {
		if k.CanSign() && !k.expired(now.Unix()) {
			return k
		}
	}
	return s.Active(now)
}

// Find returns the one key that may verify a token whose header has this kid and alg; no kid and an
// empty one are the same. It returns nil if there is none. known tells whether the kid names a key,
// so that a nil key means that the key is pinned to another algorithm. There is no search through
// all keys: a token could choose the weakest one.
func (s *Set) Find(kid, alg []byte, now int64) (key *Key, known bool) {
	candidates := s.byID[string(kid)]
	// Beside a plain secret and an issuer, alg tells whether an unknown kid names the secret, for
	// which the kid is ignored, or a key of the issuer that is not known yet.
	if len(kid) == 0 || candidates == nil && s.plain && (!s.trusting || s.noID[0].verifies(alg)) {
		candidates = s.noID
	}
	for _, k := range candidates {
		if k.expired(now) {
			continue
		}
		known = true
		if k.verifies(alg) {
			return k, true
		}
	}
	return nil, known
}
