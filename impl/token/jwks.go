package token

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// ParseKeySet reads a JWK Set. Each key needs an alg that suits it and a kid; the kid "" marks the one key for tokens that
// name no key. The members nbf and exp, in Unix seconds, say when a key may begin to sign and when it stops altogether. One bad
// key refuses the set. A secret shorter than its hash is refused unless allowWeak.
func ParseKeySet(data []byte, allowWeak bool) (*KeySet, error) {
	entries, err := parseEntries(data)
	if err != nil {
		return nil, err
	}
	keys := make([]*Key, len(entries))
	for i, entry := range entries {
		j, err := parseJWK(entry)
		if err == nil {
			keys[i], err = j.key(allowWeak)
		}
		if err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i+1, err)
		}
	}
	return NewKeySet(keys...)
}

// ParseIssuerKeys reads the JWK Set of a trusted issuer, for KeySet.WithIssuer. A secret refuses the set. Other keys that cannot
// serve, such as those for encryption, those without alg or kid and those too weak, are left out, each with its reason.
func ParseIssuerKeys(data []byte) (keys []*Key, leftOut []error, err error) {
	entries, err := parseEntries(data)
	if err != nil {
		return nil, nil, err
	}
	for i, entry := range entries {
		j, err := parseJWK(entry)
		if err == nil && j.kty == "oct" {
			return nil, nil, errors.New("an issuer's set must not hold a secret (kty oct)")
		}
		var key *Key
		if err == nil {
			key, err = j.issuerKey()
		}
		if err != nil {
			leftOut = append(leftOut, fmt.Errorf("key %d of the issuer's set: %w", i+1, err))
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, leftOut, errors.Join(append([]error{errors.New("the issuer's set has no usable key")}, leftOut...)...)
	}
	return keys, leftOut, nil
}

// public is the key without its private half.
func (k *Key) public() *Key {
	half := *k
	half.signing = nil
	return &half
}

// parseEntries returns the set's keys, each still as written.
func parseEntries(data []byte) ([]jsontext.Value, error) {
	var m members
	found := jsontext.Value(nil)
	if err := m.open(data); err != nil {
		return nil, errors.New("the JWK Set is not a JSON object")
	}
	for {
		name, more, err := m.next()
		if err != nil {
			return nil, errors.New("the JWK Set is not strict JSON")
		}
		if !more {
			return elements(found)
		}
		isKeys := string(name) == "keys"
		v, err := m.value()
		if err != nil {
			return nil, errors.New("the JWK Set is not strict JSON")
		}
		if isKeys {
			found = slices.Clone(v)
		}
	}
}

func elements(array jsontext.Value) ([]jsontext.Value, error) {
	if array.Kind() != '[' {
		return nil, errors.New(`the JWK Set has no array "keys"`)
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(array))
	if _, err := d.ReadToken(); err != nil {
		return nil, err
	}
	var all []jsontext.Value
	for d.PeekKind() != ']' {
		v, err := d.ReadValue()
		if err != nil {
			return nil, err
		}
		all = append(all, v.Clone())
	}
	return all, nil
}

func (j *jwk) key(allowWeak bool) (*Key, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	material, err := j.material()
	if err != nil {
		return nil, err
	}
	key, err := NewKey(KeySpec{
		ID: j.kid, Algorithm: j.alg, Material: material, NotBefore: j.nbf, Expires: j.exp, AllowWeak: allowWeak,
	})
	if err == nil && j.hasOperations && !slices.Contains(j.operations, "sign") {
		return key.public(), nil
	}
	return key, err
}

func (j *jwk) issuerKey() (*Key, error) {
	if j.kid == "" {
		return nil, errors.New("it has no kid")
	}
	key, err := j.key(false)
	if err != nil {
		return nil, err
	}
	return key.public(), nil
}

func (j *jwk) check() error {
	switch {
	case !j.hasKid:
		return errors.New(`kid is missing; "kid": "" marks the key for tokens that name none`)
	case j.alg == "":
		return errors.New("alg is missing; each key is pinned to one algorithm")
	case j.use != "" && j.use != "sig":
		return errors.New("use is not sig")
	case j.hasOperations && !slices.Contains(j.operations, "sign") && !slices.Contains(j.operations, "verify"):
		return errors.New("key_ops has neither sign nor verify")
	case j.hasMorePrimes:
		return errors.New("RSA keys of more than two primes are not supported")
	}
	return nil
}
