package contract

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// The suite reads keys and signs tokens by itself: it must not judge a server by the server's code.

// Key is a key of a login. It signs refresh tokens that the deployment accepts.
type Key struct {
	id, algorithm string
	private       any // []byte, or a crypto.Signer
	public        any
}

// secretKey returns the key of a deployment that has one HS256 secret.
func secretKey(secret []byte) Key {
	return Key{algorithm: "HS256", private: secret, public: secret}
}

// secret reports whether the key is a secret that the deployment has too.
func (k Key) secret() bool { return strings.HasPrefix(k.algorithm, "HS") }

// method returns how the key signs. alg is the algorithm in the token's header; among algorithms
// with a secret it chooses the hash.
func (k Key) method(alg string) jwt.SigningMethod {
	if secret, ok := jwt.GetSigningMethod(alg).(*jwt.SigningMethodHMAC); ok && k.secret() {
		return secret
	}
	if k.algorithm == "Ed25519" {
		return jwt.SigningMethodEdDSA
	}
	return jwt.GetSigningMethod(k.algorithm)
}

// forger returns another key with the same ID and algorithm.
func (k Key) forger() Key {
	var err error
	switch private := k.private.(type) {
	case []byte:
		k.private = []byte("another secret, long enough for any HMAC, and wrong: 0123456789")
	case *rsa.PrivateKey:
		k.private, err = rsa.GenerateKey(rand.Reader, private.N.BitLen())
	case *ecdsa.PrivateKey:
		k.private, err = ecdsa.GenerateKey(private.Curve, rand.Reader)
	case ed25519.PrivateKey:
		_, k.private, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		panic(err) // the system has no random numbers
	}
	return k
}

// webKey is a JSON Web Key (RFC 7517, RFC 7518 section 6, RFC 8037).
type webKey struct {
	Kty, Alg, Kid, Use, Crv, K, N, E, D, P, Q, X, Y string
}

// ParseKeys reads a JWK Set and returns its keys that can sign. It fails if there is none, or if a
// key cannot be read.
func ParseKeys(set []byte) ([]Key, error) {
	all, err := parseSet(set)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, k := range all {
		if k.private != nil {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New(
			"the key set has no private key: give the keys that sign refresh tokens",
		)
	}
	return keys, nil
}

func parseSet(set []byte) ([]Key, error) {
	var parsed struct{ Keys []webKey }
	if err := json.Unmarshal(set, &parsed); err != nil {
		return nil, fmt.Errorf("the key set is not a JWK Set: %w", err)
	}
	var keys []Key
	for i, w := range parsed.Keys {
		k, err := w.key()
		if err != nil {
			return nil, fmt.Errorf("key %d of the set cannot be read: %w", i+1, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// key reads the key. Without alg the algorithm follows from the key's type; RSA has several.
func (w webKey) key() (k Key, err error) {
	k.id, k.algorithm = w.Kid, w.Alg
	defaultTo := func(algorithm string) {
		if k.algorithm == "" {
			k.algorithm = algorithm
		}
	}
	switch w.Kty {
	case "oct":
		defaultTo("HS256")
		secret := w.bytes(w.K, &err)
		k.private, k.public = secret, secret
	case "RSA":
		defaultTo("RS256")
		public := &rsa.PublicKey{N: w.number(w.N, &err), E: int(w.number(w.E, &err).Int64())}
		k.public = public
		if w.D != "" {
			primes := []*big.Int{w.number(w.P, &err), w.number(w.Q, &err)}
			private := &rsa.PrivateKey{PublicKey: *public, D: w.number(w.D, &err), Primes: primes}
			private.Precompute()
			k.private, err = private, errors.Join(err, private.Validate())
		}
	case "EC":
		curves := map[string]elliptic.Curve{
			"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521(),
		}
		curve := curves[w.Crv]
		if curve == nil {
			return k, fmt.Errorf("the curve %q is not known", w.Crv)
		}
		defaultTo(map[string]string{"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}[w.Crv])
		point := append(append([]byte{4}, w.bytes(w.X, &err)...), w.bytes(w.Y, &err)...)
		public, invalid := ecdsa.ParseUncompressedPublicKey(curve, point)
		k.public, err = public, errors.Join(err, invalid)
		if w.D != "" {
			private, invalid := ecdsa.ParseRawPrivateKey(curve, w.bytes(w.D, &err))
			k.private, err = private, errors.Join(err, invalid)
		}
	case "OKP":
		defaultTo("EdDSA")
		k.public = ed25519.PublicKey(w.bytes(w.X, &err))
		if seed := w.bytes(w.D, &err); len(seed) == ed25519.SeedSize {
			k.private = ed25519.NewKeyFromSeed(seed)
		}
		if w.Crv != "Ed25519" {
			err = fmt.Errorf("the curve %q is not known", w.Crv)
		}
	default:
		err = fmt.Errorf("the type %q is not known", w.Kty)
	}
	if err == nil && k.method(k.algorithm) == nil {
		err = fmt.Errorf("the algorithm %q is not known", k.algorithm)
	}
	return k, err
}

func (w webKey) bytes(text string, err *error) []byte {
	data, invalid := base64.RawURLEncoding.DecodeString(text)
	*err = errors.Join(*err, invalid)
	return data
}

func (w webKey) number(text string, err *error) *big.Int {
	return new(big.Int).SetBytes(w.bytes(text, err))
}
