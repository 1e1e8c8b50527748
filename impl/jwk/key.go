// Package jwk is about signing keys: one key, pinned to one algorithm, and one set of them. It
// parses, checks, signs, verifies and writes keys as JSON Web Keys (RFC 7517). It does no I/O.
package jwk

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/golang-jwt/jwt/v5"
)

// Spec describes a key to NewKey.
type Spec struct {
	// ID is the key ID (kid). The empty ID marks the one key for tokens that name no key.
	ID string
	// Algorithm is the only algorithm that the key may be used with: HS256, HS384, HS512, RS256,
	// RS384, RS512, PS256, ES256, ES384, EdDSA or Ed25519, which is EdDSA on that curve.
	Algorithm string
	// Material is a secret ([]byte), a private key (*rsa.PrivateKey, *ecdsa.PrivateKey,
	// ed25519.PrivateKey), or the public half of one, which can only verify.
	Material any
	// NotBefore is when the key may start to sign, in Unix seconds. The key verifies before that
	// too, because the clocks of other nodes differ.
	NotBefore int64
	// Expires is when the key stops signing and verifying, in Unix seconds; 0 is never.
	Expires int64
	// AllowWeak lets a secret be shorter than its hash.
	AllowWeak bool
}

// Key is one key, pinned to one algorithm. It is immutable.
type Key struct {
	id           string
	alg          string
	method       jwt.SigningMethod
	reproducible bool
	signing      any // nil: the key only verifies
	verifying    any
	notBefore    int64
	expires      int64
	issuer       bool
	macs         *macs // nil unless the key is a secret
	header       string
	thumbprint   string
}

// NewKey returns the key that spec describes. It fails if the material does not suit the algorithm,
// is too weak, or is not consistent. Every key is checked here, wherever it comes from.
func NewKey(spec Spec) (*Key, error) {
	alg, ok := algorithmOf(spec.Algorithm)
	switch {
	case !ok:
		return nil, fmt.Errorf("algorithm %q is not supported", spec.Algorithm)
	case spec.NotBefore < 0 || spec.Expires < 0:
		return nil, errNegativeTimes
	case strings.IndexByte(spec.ID, 0) >= 0:
		return nil, errors.New("the key ID contains a NUL character")
	}
	k := &Key{
		id:           spec.ID,
		alg:          spec.Algorithm,
		method:       alg.method,
		reproducible: alg.reproducible,
		notBefore:    spec.NotBefore,
		expires:      spec.Expires,
	}
	var err error
	if k.signing, k.verifying, err = alg.check(spec); err != nil {
		return nil, err
	}
	if method, ok := k.method.(*jwt.SigningMethodHMAC); ok {
		k.macs = newMACs(method, k.verifying.([]byte))
	}
	header := []byte(`{"alg":"` + k.alg + `","typ":"JWT"`)
	if k.id != "" {
		if header, err = jsontext.AppendQuote(append(header, `,"kid":`...), k.id); err != nil {
			return nil, errors.New("the key ID is not valid UTF-8")
		}
	}
	k.header = base64.RawURLEncoding.EncodeToString(append(header, '}')) + "."
	k.thumbprint = thumbprintOf(k)
	return k, nil
}

var errNegativeTimes = errors.New("nbf and exp of a key must not be negative")

// WithTimes returns the key with another time to start signing and another expiry, in Unix seconds;
// 0 is none. It fails if one of them is negative.
func (k *Key) WithTimes(notBefore, expires int64) (*Key, error) {
	if notBefore < 0 || expires < 0 {
		return nil, errNegativeTimes
	}
	other := *k
	other.notBefore, other.expires = notBefore, expires
	return &other, nil
}

// Verify reports whether signature is the key's signature of input.
func (k *Key) Verify(input, signature []byte) bool {
	if k.macs != nil {
		return k.macs.verify(input, signature)
	}
	return k.method.Verify(string(input), signature, k.verifying) == nil
}

// AppendSignature appends the signature of input to dst. It fails if the key cannot sign.
func (k *Key) AppendSignature(dst, input []byte) ([]byte, error) {
	if k.macs != nil && k.CanSign() {
		return k.macs.appendSum(dst, input), nil
	}
	signature, err := k.method.Sign(string(input), k.signing)
	return append(dst, signature...), err
}

// Header returns the start of each token that the key signs: the encoded header and its dot.
func (k *Key) Header() string { return k.header }

// ID returns the key ID. It is empty for the key of tokens that name none.
func (k *Key) ID() string { return k.id }

// Algorithm returns the one algorithm of the key.
func (k *Key) Algorithm() string { return k.alg }

// CanSign reports whether the key is a secret or has a private half.
func (k *Key) CanSign() bool { return k.signing != nil }

// Issuer reports whether the key is a trusted issuer's, and not ours.
func (k *Key) Issuer() bool { return k.issuer }

// Symmetric reports whether the key is a secret, which has no public half.
func (k *Key) Symmetric() bool { return k.macs != nil }

// Reproducible reports whether signing the same input twice gives the same signature (HS*, RS*,
// EdDSA). Rotation needs that.
func (k *Key) Reproducible() bool { return k.reproducible }

// NotBefore returns when the key may start to sign, in Unix seconds.
func (k *Key) NotBefore() int64 { return k.notBefore }

// Expires returns when the key stops signing and verifying, in Unix seconds; 0 is never.
func (k *Key) Expires() int64 { return k.expires }

// Public returns the public half, or nil for a secret.
func (k *Key) Public() crypto.PublicKey {
	if k.Symmetric() {
		return nil
	}
	return k.verifying
}

// public returns the key without its private half.
func (k *Key) public() *Key {
	half := *k
	half.signing = nil
	return &half
}

// verifies reports whether alg is the algorithm of the key. Ed25519 is the newer name of EdDSA on
// that curve (RFC 9864), the only one that is supported here.
func (k *Key) verifies(alg []byte) bool {
	if string(alg) == k.alg {
		return true
	}
	_, edwards := k.verifying.(ed25519.PublicKey)
	return edwards && (string(alg) == "EdDSA" || string(alg) == "Ed25519")
}

func (k *Key) expired(now int64) bool { return k.expires != 0 && now >= k.expires }

// active reports whether the key may sign now.
func (k *Key) active(now int64) bool {
	return k.CanSign() && !k.issuer && now >= k.notBefore && !k.expired(now)
}
