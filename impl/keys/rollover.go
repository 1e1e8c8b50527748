package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// Add returns the set with a key appended, so that the key becomes the active one only if there is
// none. A nil set is empty. It fails if the ID is taken.
func Add(set *jwk.Set, key *jwk.Key) (*jwk.Set, error) {
	if set == nil {
		return jwk.NewSet(key)
	}
	return jwk.NewSet(append(set.All(), key)...)
}

// Remove returns the set without a key. All tokens that the key signed become invalid. It fails
// with ErrActive if the key signs now, and if there is no such key.
func Remove(set *jwk.Set, id string, now time.Time) (*jwk.Set, error) {
	if set == nil {
		return nil, fs.ErrNotExist
	}
	if active := set.Active(now); active != nil && active.ID() == id {
		return nil, fmt.Errorf("%q is the key that signs: let another key replace it first", id)
	}
	all := set.All()
	i := slices.IndexFunc(all, func(k *jwk.Key) bool { return k.ID() == id })
	if i < 0 {
		return nil, fmt.Errorf("no key has the ID %q", id)
	}
	return jwk.NewSet(slices.Delete(all, i, i+1)...)
}

// Rollover describes how a new key takes over from the active one.
type Rollover struct {
	// Key is the new key.
	Key *jwk.Key
	// Delay is the time until the new key starts to sign. All nodes and all verifiers of tokens
	// must learn the key within it.
	Delay time.Duration
	// Keep is how long the old key verifies after that. It must be as long as a token may live.
	Keep time.Duration
}

// Apply returns the set with the new key in front, and with an expiry for the keys that it
// replaces: the active key, and keys in front of it that were to become active. Other keys, such as
// a login's, stay as they are. Expired keys are dropped. It fails with ErrNoActive if no key may
// sign now.
func (r Rollover) Apply(set *jwk.Set, now time.Time) (*jwk.Set, error) {
	if set == nil || set.Active(now) == nil {
		return nil, errors.New("no key may sign now, so no key can be replaced: add a key first")
	}
	begin := now.Unix()
	if r.Delay > 0 {
		begin = now.Add(r.Delay).Unix() + 1 // rounded up: never sooner than asked for
	}
	key, err := r.Key.WithTimes(begin, 0)
	if err != nil {
		return nil, err
	}
	result, active := []*jwk.Key{key}, set.Active(now)
	stops, replacing := begin, true // stops is when the next of the replaced keys stops signing
	for _, k := range set.All() {
		if k.Expires() != 0 && k.Expires() <= now.Unix() {
			continue
		}
		if replacing && k.CanSign() {
			replacing = k != active
			expires := stops + int64(r.Keep/time.Second)
			stops = min(stops, max(k.NotBefore(), now.Unix()))
			if k, err = k.WithTimes(k.NotBefore(), expires); err != nil {
				return nil, err
			}
		}
		result = append(result, k)
	}
	return jwk.NewSet(result...)
}
