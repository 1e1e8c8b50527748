package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// Remove drops a key, and with it all tokens that it signed. The key that signs now cannot be removed.
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

// Rotation says how one active key follows another.
type Rotation struct {
	// Key is the new key.
	Key *jwk.Key
	// Delay is until the new key begins to sign: the time that all nodes and all who verify tokens need to learn of it.
	Delay time.Duration
	// Keep is how long the old key goes on verifying after that: as long as a token that it signed may live.
	Keep time.Duration
}

// Add puts a key behind those of the set, so that it becomes the active one only where there is none. A nil set is empty.
func Add(set *jwk.Set, key *jwk.Key) (*jwk.Set, error) {
	if set == nil {
		return jwk.NewSet(key)
	}
	return jwk.NewSet(append(set.All(), key)...)
}

// Rotate puts the new key in front, and sets the expiry of those that it replaces: the active key, and those in front of it, which
// were to become active. Other keys, such as a login's, stay as they are. Keys that have expired are dropped.
func (r Rotation) Rotate(set *jwk.Set, now time.Time) (*jwk.Set, error) {
	if set == nil || set.Active(now) == nil {
		return nil, errors.New("no key may sign now, so no key can be replaced: add a key first")
	}
	begin := now.Unix()
	if r.Delay > 0 {
		begin = now.Add(r.Delay).Unix() + 1 // never sooner than asked for
	}
	key, err := r.Key.WithTimes(begin, 0)
	if err != nil {
		return nil, err
	}
	rotated, active := []*jwk.Key{key}, set.Active(now)
	end, replacing := begin, true // end is when the next of the replaced keys stops signing
	for _, k := range set.All() {
		if k.Expires() != 0 && k.Expires() <= now.Unix() {
			continue
		}
		if replacing && k.CanSign() {
			replacing = k != active
			stops := end
			end = min(end, max(k.NotBefore(), now.Unix()))
			if k, err = k.WithTimes(k.NotBefore(), stops+int64(r.Keep/time.Second)); err != nil {
				return nil, err
			}
		}
		rotated = append(rotated, k)
	}
	return jwk.NewSet(rotated...)
}
