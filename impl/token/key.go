package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minRSABits = 2048 // RFC 7518 section 3.3
	maxRSABits = 8192 // beyond, one verification would take milliseconds
)

var errNegativeTimes = errors.New("nbf and exp of a key must not be negative")

// KeySpec describes a key to NewKey.
type KeySpec struct {
	// ID is the key ID (kid). The empty ID marks the one key for tokens that name no key.
	ID string
	// Algorithm is the one algorithm that the key may ever be used with: HS256, HS384, HS512, RS256, RS384, RS512, PS256,
	// ES256, ES384 or EdDSA.
	Algorithm string
	// Material is a secret ([]byte), a private key (*rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey), or the
	// public half of one, which only verifies.
	Material any
	// NotBefore is when the key may begin to sign, in Unix seconds. It verifies from the start, for other nodes' clocks differ.
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
	signing      any // nil: verifies only
	verifying    any
	notBefore    int64
	expires      int64
	issuer       bool
	macs         *macs  // for an HMAC secret only
	thumbprint   digest // of the algorithm and the public half; for other keys only
	header       string // what minted tokens begin with: the encoded header and its dot
}

// NewKey checks that the material suits the algorithm and is strong enough.
func NewKey(spec KeySpec) (*Key, error) {
	alg, ok := algorithmOf(spec.Algorithm)
	if !ok {
		return nil, fmt.Errorf("algorithm %q is not supported", spec.Algorithm)
	}
	if spec.NotBefore < 0 || spec.Expires < 0 {
		return nil, errNegativeTimes
	}
	k := &Key{
		id: spec.ID, alg: spec.Algorithm, method: alg.method, reproducible: alg.reproducible,
		notBefore: spec.NotBefore, expires: spec.Expires,
	}
	if err := k.setMaterial(alg, spec); err != nil {
		return nil, err
	}
	if hs, ok := k.method.(*jwt.SigningMethodHMAC); ok {
		k.macs = newMACs(hs, k.verifying.([]byte))
	}
	var err error
	if k.thumbprint, err = k.fingerprint(); err != nil {
		return nil, err
	}
	if k.header, err = encodeHeader(k.alg, k.id); err != nil {
		return nil, err
	}
	return k, nil
}

// fingerprint tells keys apart by what they verify, whatever they are called.
func (k *Key) fingerprint() (digest, error) {
	if k.Symmetric() {
		return digest{}, nil
	}
	der, err := x509.MarshalPKIXPublicKey(k.verifying)
	return sha256.Sum256(append([]byte(k.alg+"\x00"), der...)), err
}

func (k *Key) verify(input, signature []byte) bool {
	if k.macs != nil {
		return k.macs.verify(input, signature)
	}
	return k.method.Verify(string(input), signature, k.verifying) == nil
}

// appendSignature appends the signature of input to dst.
func (k *Key) appendSignature(dst, input []byte) ([]byte, error) {
	if k.macs != nil {
		return k.macs.appendSum(dst, input), nil
	}
	signature, err := k.method.Sign(string(input), k.signing)
	return append(dst, signature...), err
}

func (k *Key) setMaterial(alg algorithm, spec KeySpec) error {
	switch m := spec.Material.(type) {
	case []byte:
		k.signing = slices.Clone(m)
		k.verifying = k.signing
		return checkSecret(alg, spec.Algorithm, m, spec.AllowWeak)
	case *rsa.PrivateKey:
		k.signing, k.verifying = m, &m.PublicKey
		if err := checkRSA(alg, spec.Algorithm, &m.PublicKey); err != nil {
			return err
		}
		return m.Validate()
	case *rsa.PublicKey:
		k.verifying = m
		return checkRSA(alg, spec.Algorithm, m)
	case *ecdsa.PrivateKey:
		k.signing, k.verifying = m, &m.PublicKey
		return checkECPrivate(alg, spec.Algorithm, m)
	case *ecdsa.PublicKey:
		k.verifying = m
		return checkEC(alg, spec.Algorithm, m)
	case ed25519.PrivateKey:
		if len(m) != ed25519.PrivateKeySize || !ed25519.NewKeyFromSeed(m.Seed()).Equal(m) {
			return errors.New("the Ed25519 private key is not consistent")
		}
		public := m.Public().(ed25519.PublicKey)
		k.signing, k.verifying = m, public
		return checkEd25519(alg, spec.Algorithm, public)
	case ed25519.PublicKey:
		k.verifying = m
		return checkEd25519(alg, spec.Algorithm, m)
	}
	return fmt.Errorf("key material of type %T is not supported", spec.Material)
}

func checkSecret(alg algorithm, name string, secret []byte, allowWeak bool) error {
	if _, ok := alg.method.(*jwt.SigningMethodHMAC); !ok {
		return fmt.Errorf("algorithm %s does not suit a secret", name)
	}
	if len(secret) == 0 {
		return errors.New("the secret is empty")
	}
	if len(secret) < alg.size && !allowWeak {
		return fmt.Errorf("the secret has %d bytes; %s needs at least %d (RFC 7518 section 3.2)", len(secret), name, alg.size)
	}
	return nil
}

func checkRSA(alg algorithm, name string, key *rsa.PublicKey) error {
	switch alg.method.(type) {
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
	default:
		return fmt.Errorf("algorithm %s does not suit an RSA key", name)
	}
	if bits := key.N.BitLen(); bits < minRSABits {
		return fmt.Errorf("the RSA key has %d bits; at least %d are needed (RFC 7518 section 3.3)", bits, minRSABits)
	}
	if bits := key.N.BitLen(); bits > maxRSABits {
		return fmt.Errorf("the RSA key has %d bits; at most %d are supported", bits, maxRSABits)
	}
	if key.E < 3 || key.E%2 == 0 {
		return errors.New("the RSA public exponent is not an odd number above 2")
	}
	return nil
}

func checkEC(alg algorithm, name string, key *ecdsa.PublicKey) error {
	if alg.curve == nil {
		return fmt.Errorf("algorithm %s does not suit an EC key", name)
	}
	if key.Curve != alg.curve {
		return fmt.Errorf("algorithm %s needs the curve %s", name, alg.curve.Params().Name)
	}
	if _, err := key.Bytes(); err != nil {
		return errors.New("the EC point is not on its curve")
	}
	return nil
}

func checkECPrivate(alg algorithm, name string, key *ecdsa.PrivateKey) error {
	if err := checkEC(alg, name, &key.PublicKey); err != nil {
		return err
	}
	raw, err := key.Bytes()
	if err != nil {
		return errors.New("the EC private key is out of range")
	}
	same, err := ecdsa.ParseRawPrivateKey(key.Curve, raw)
	if err != nil || !same.PublicKey.Equal(&key.PublicKey) {
		return errors.New("the EC private key is not consistent")
	}
	return nil
}

func checkEd25519(alg algorithm, name string, key ed25519.PublicKey) error {
	if _, ok := alg.method.(*jwt.SigningMethodEd25519); !ok {
		return fmt.Errorf("algorithm %s does not suit an Ed25519 key", name)
	}
	if len(key) != ed25519.PublicKeySize {
		return errors.New("an Ed25519 public key has 32 bytes")
	}
	return nil
}

// ID is the key ID; empty for the key of tokens that name none.
func (k *Key) ID() string { return k.id }

// Algorithm is the one algorithm of the key.
func (k *Key) Algorithm() string { return k.alg }

// CanSign reports whether the key has a private half or is a secret.
func (k *Key) CanSign() bool { return k.signing != nil }

// Symmetric reports whether the key is a secret, which has no public half.
func (k *Key) Symmetric() bool { _, ok := k.verifying.([]byte); return ok }

// Reproducible reports whether signing the same thing twice gives the same signature (HS*, RS*, EdDSA). Rotation needs that.
func (k *Key) Reproducible() bool { return k.reproducible }

// NotBefore is when the key may begin to sign, in Unix seconds.
func (k *Key) NotBefore() int64 { return k.notBefore }

// Expires is when the key stops signing and verifying, in Unix seconds; 0 is never.
func (k *Key) Expires() int64 { return k.expires }

// Public is the public half; nil for a secret.
func (k *Key) Public() crypto.PublicKey {
	if k.Symmetric() {
		return nil
	}
	return k.verifying
}

func (k *Key) expired(now int64) bool { return k.expires != 0 && now >= k.expires }

func (k *Key) active(now int64) bool {
	return k.CanSign() && !k.issuer && now >= k.notBefore && !k.expired(now)
}
