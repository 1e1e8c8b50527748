package jwk

import (
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// ParseSet reads a JWK Set of our own keys. Each key needs a kid; the kid "" marks the one key for
// tokens that name no key. Each key needs an alg that suits it, unless its curve decides the alg.
// The members nbf and exp, in Unix seconds, say when a key may start to sign and when it stops
// altogether. It fails if one key is bad. A secret shorter than its hash is bad unless allowWeak is
// set.
func ParseSet(data []byte, allowWeak bool) (*Set, error) {
	entries, err := parseEntries(data)
	if err != nil {
		return nil, err
	}
	keys := make([]*Key, len(entries))
	for i, entry := range entries {
		w, err := parseWire(entry)
		if err == nil {
			keys[i], err = w.key("", allowWeak)
		}
		if err != nil {
			return nil, fmt.Errorf("key %d of the set: %w", i+1, err)
		}
	}
	return NewSet(keys...)
}

// ParseIssuerKeys reads the JWK Set of a trusted issuer, for Set.WithIssuer. algorithm is the alg
// of keys that have none and whose curve does not decide it; it may be empty. Several keys may have
// the same kid if their alg differs. Keys that cannot be used, such as those for encryption,
// without kid, or too weak, are left out, each with its reason. It fails if no key is left, or if
// the set holds a secret.
func ParseIssuerKeys(data []byte, algorithm string) (keys []*Key, leftOut []error, err error) {
	entries, err := parseEntries(data)
	if err != nil {
		return nil, nil, err
	}
	for i, entry := range entries {
		w, err := parseWire(entry)
		if err == nil && w.Type == "oct" {
			return nil, nil, errors.New("an issuer's set must not hold a secret (kty oct)")
		}
		var key *Key
		if err == nil {
			key, err = w.issuerKey(algorithm)
		}
		if err == nil && slices.ContainsFunc(keys, key.same) {
			err = errors.New("its kid and alg appear twice")
		}
		if err != nil {
			leftOut = append(leftOut, fmt.Errorf("key %d of the issuer's set: %w", i+1, err))
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		err := errors.New("the issuer's set has no usable key")
		return nil, leftOut, errors.Join(append([]error{err}, leftOut...)...)
	}
	return keys, leftOut, nil
}

// parseEntries returns the keys of a JWK Set as they are written.
func parseEntries(data []byte) ([]jsontext.Value, error) {
	var set struct {
		Keys jsontext.Value `json:"keys"`
	}
	if jsontext.Value(data).Kind() != '{' {
		return nil, errors.New("the JWK Set is not a JSON object")
	}
	if json.Unmarshal(data, &set) != nil {
		return nil, errors.New("the JWK Set is not strict JSON")
	}
	var entries []jsontext.Value
	if set.Keys.Kind() != '[' || json.Unmarshal(set.Keys, &entries) != nil {
		return nil, errors.New(`the JWK Set has no array "keys"`)
	}
	return entries, nil
}

// key returns the key that the JWK describes, without its private half if key_ops does not allow
// sign.
// algorithm is that of a key without alg.
func (w *wire) key(algorithm string, allowWeak bool) (*Key, error) {
	switch {
	case w.Algorithm != "":
		algorithm = w.Algorithm
	case w.Type == "EC" && w.Curve == "P-256":
		algorithm = "ES256"
	case w.Type == "EC" && w.Curve == "P-384":
		algorithm = "ES384"
	case w.Type == "OKP" && w.Curve == "Ed25519":
		algorithm = "EdDSA"
	}
	sign := w.Operations == nil || slices.Contains(w.Operations, "sign")
	switch {
	case w.ID == nil:
		return nil, errors.New(`kid is missing; "kid": "" marks the key for tokens that name none`)
	case algorithm == "":
		return nil, errors.New("alg is missing; each key is pinned to one algorithm")
	case w.Use != "" && w.Use != "sig":
		return nil, errors.New("use is not sig")
	case !sign && !slices.Contains(w.Operations, "verify"):
		return nil, errors.New("key_ops has neither sign nor verify")
	}
	material, err := w.material()
	if err != nil {
		return nil, err
	}
	key, err := NewKey(Spec{
		ID:        *w.ID,
		Algorithm: algorithm,
		Material:  material,
		NotBefore: int64(w.NotBefore),
		Expires:   int64(w.Expires),
		AllowWeak: allowWeak,
	})
	if err == nil && !sign {
		return key.public(), nil
	}
	return key, err
}

// same reports whether a token may mean k as well as other.
func (k *Key) same(other *Key) bool { return k.id == other.id && k.verifies([]byte(other.alg)) }

func (w *wire) issuerKey(algorithm string) (*Key, error) {
	if w.ID == nil || *w.ID == "" {
		return nil, errors.New("it has no kid")
	}
	key, err := w.key(algorithm, false)
	if err != nil {
		return nil, err
	}
	return key.public(), nil
}
