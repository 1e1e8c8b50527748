package token

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// KeySource hands out the keys of the moment, so that a set can be replaced while tokens are verified.
type KeySource interface {
	Keys() *KeySet
}

// KeySet is an immutable set of keys. It is its own KeySource.
type KeySet struct {
	keys  []*Key
	byID  map[string]*Key
	noID  *Key // for tokens that name no key; may be nil
	plain bool // the one local key is a secret: a kid that is not an issuer's is ignored
	// trusting: an issuer's keys stand beside ours, or will when they are known.
	trusting bool
}

// NewKeySet makes a set in which the order decides: the first key that may sign is the active one. Key IDs must differ.
func NewKeySet(keys ...*Key) (*KeySet, error) {
	if len(keys) == 0 {
		return nil, errors.New("the key set has no key")
	}
	s := &KeySet{keys: slices.Clone(keys), byID: make(map[string]*Key, len(keys))}
	for _, k := range keys {
		if _, ok := s.byID[k.id]; ok {
			return nil, fmt.Errorf("the key ID %q appears more than once", k.id)
		}
		s.byID[k.id] = k
	}
	s.noID = s.byID[""]
	return s, nil
}

// SecretKeySet is the set of one HS256 secret. Tokens signed with it carry no kid, and an incoming kid is ignored. A secret
// shorter than 32 bytes is refused unless allowWeak.
func SecretKeySet(secret []byte, allowWeak bool) (*KeySet, error) {
	key, err := NewKey(KeySpec{Algorithm: "HS256", Material: secret, AllowWeak: allowWeak})
	if err != nil {
		return nil, err
	}
	set, err := NewKeySet(key)
	if err != nil {
		return nil, err
	}
	set.plain = true
	return set, nil
}

// WithDefault is the set with the key of this ID also used for tokens that name no key.
func (s *KeySet) WithDefault(id string) (*KeySet, error) {
	key, ok := s.byID[id]
	if !ok || key.issuer {
		return nil, fmt.Errorf("there is no key with the ID %q", id)
	}
	if s.noID != nil && s.noID != key {
		return nil, errors.New("another key is already marked for tokens without a key ID")
	}
	set := *s
	set.noID = key
	return &set, nil
}

// WithIssuer is the set with a trusted issuer's public keys added. They verify only tokens whose iss is Rules.Issuer, never
// sign, and never take the place of a key that the set already has.
func (s *KeySet) WithIssuer(keys ...*Key) (*KeySet, error) {
	set := *s
	set.trusting = true
	set.keys, set.byID = slices.Clone(s.keys), maps.Clone(s.byID)
	for _, k := range keys {
		if k.Symmetric() || k.CanSign() {
			return nil, errors.New("an issuer's key must be a public key")
		}
		if _, taken := set.byID[k.id]; taken || k.id == "" {
			continue
		}
		issuer := *k
		issuer.issuer = true
		set.keys = append(set.keys, &issuer)
		set.byID[k.id] = &issuer
	}
	return &set, nil
}

// Keys returns the set itself.
func (s *KeySet) Keys() *KeySet { return s }

// All returns the keys in order, an issuer's last.
func (s *KeySet) All() []*Key { return slices.Clone(s.keys) }

// Active is the key that signs now: the first that can sign, whose nbf has passed and whose exp has not; nil if there is none.
func (s *KeySet) Active(now time.Time) *Key {
	unix := now.Unix()
	for _, k := range s.keys {
		if k.active(unix) {
			return k
		}
	}
	return nil
}

// signer is the key of this ID if it may sign, else the active one. The nbf of a named key is not looked at: it signed before.
func (s *KeySet) signer(id string, now time.Time) *Key {
	if k := s.byID[id]; k != nil && k.CanSign() && !k.expired(now.Unix()) {
		return k
	}
	return s.Active(now)
}

// lookup selects by kid; there is no search. An absent kid and an empty one are the same. Beside a plain secret, alg says whose
// key an unknown kid names: ours, which the kid is ignored for, or one of the issuer's that is not known yet.
func (s *KeySet) lookup(kid, alg []byte, now int64) *Key {
	k := s.byID[string(kid)]
	if len(kid) == 0 || k == nil && s.plain && (!s.trusting || string(alg) == s.noID.alg) {
		k = s.noID
	}
	if k == nil || k.expired(now) {
		return nil
	}
	return k
}
