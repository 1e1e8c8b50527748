package jwk

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minRSABits = 2048 // RFC 7518 section 3.3
	maxRSABits = 8192 // with more bits, one verification would take milliseconds
)

// check returns the half that signs (nil for a public key) and the half that verifies. It fails if
// the material does not suit the algorithm, is too weak, or is not consistent. A private half must
// belong to its public half: signing with Ed25519 under a foreign public key gives the private key
// away.
func (a algorithm) check(spec Spec) (signing, verifying any, err error) {
	switch m := spec.Material.(type) {
	case []byte:
		secret := slices.Clone(m)
		return secret, secret, a.checkSecret(spec)
	case *rsa.PrivateKey:
		if err := a.checkRSA(spec.Algorithm, &m.PublicKey); err != nil {
			return nil, nil, err
		}
		if len(m.Primes) != 2 {
			return nil, nil, errors.New("an RSA private key must have its two primes, and no more")
		}
		if m.Validate() != nil {
			return nil, nil, errors.New("the RSA private key is not consistent")
		}
		return m, &m.PublicKey, nil
	case *rsa.PublicKey:
		return nil, m, a.checkRSA(spec.Algorithm, m)
	case *ecdsa.PrivateKey:
		if err := a.checkEC(spec.Algorithm, &m.PublicKey); err != nil {
			return nil, nil, err
		}
		raw, err := m.Bytes()
		if err != nil {
			return nil, nil, errors.New("the EC private key is out of range")
		}
		same, err := ecdsa.ParseRawPrivateKey(m.Curve, raw)
		if err != nil || !same.PublicKey.Equal(&m.PublicKey) {
			return nil, nil, errors.New("the EC private key does not belong to its public key")
		}
		return m, &m.PublicKey, nil
	case *ecdsa.PublicKey:
		return nil, m, a.checkEC(spec.Algorithm, m)
	case ed25519.PrivateKey:
		if len(m) != ed25519.PrivateKeySize || !ed25519.NewKeyFromSeed(m.Seed()).Equal(m) {
			return nil, nil, errors.New("the Ed25519 private key does not belong to its public key")
		}
		public := m.Public().(ed25519.PublicKey)
		return m, public, a.checkEd25519(spec.Algorithm, public)
	case ed25519.PublicKey:
		return nil, m, a.checkEd25519(spec.Algorithm, m)
	}
	return nil, nil, fmt.Errorf("key material of type %T is not supported", spec.Material)
}

func (a algorithm) checkSecret(spec Spec) error {
	if _, ok := a.method.(*jwt.SigningMethodHMAC); !ok {
		return fmt.Errorf("algorithm %s does not suit a secret", spec.Algorithm)
	}
	secret, _ := spec.Material.([]byte)
	if len(secret) == 0 {
		return errors.New("the secret is empty")
	}
	if len(secret) < a.size && !spec.AllowWeak {
		return fmt.Errorf("the secret has %d bytes; %s needs at least %d (RFC 7518 section 3.2)",
			len(secret), spec.Algorithm, a.size)
	}
	return nil
}

func (a algorithm) checkRSA(name string, key *rsa.PublicKey) error {
	switch a.method.(type) {
	case *jwt.SigningMethodRSA, *jwt.SigningMethodRSAPSS:
	default:
		return fmt.Errorf("algorithm %s does not suit an RSA key", name)
	}
	switch bits := key.N.BitLen(); {
	case bits < minRSABits:
		return fmt.Errorf("the RSA key has %d bits; at least %d are needed (RFC 7518 section 3.3)",
			bits, minRSABits)
	case bits > maxRSABits:
		return fmt.Errorf("the RSA key has %d bits; at most %d are supported", bits, maxRSABits)
	case key.E < 3 || key.E%2 == 0:
		return errors.New("the RSA public exponent is not an odd number above 2")
	}
	return nil
}

func (a algorithm) checkEC(name string, key *ecdsa.PublicKey) error {
	if a.curve == nil {
		return fmt.Errorf("algorithm %s does not suit an EC key", name)
	}
	if key.Curve != a.curve {
		return fmt.Errorf("algorithm %s needs the curve %s", name, a.curve.Params().Name)
	}
	if _, err := key.Bytes(); err != nil {
		return errors.New("the EC point is not on its curve")
	}
	return nil
}

func (a algorithm) checkEd25519(name string, key ed25519.PublicKey) error {
	if _, ok := a.method.(*jwt.SigningMethodEd25519); !ok {
		return fmt.Errorf("algorithm %s does not suit an Ed25519 key", name)
	}
	if len(key) != ed25519.PublicKeySize {
		return errors.New("an Ed25519 public key must have 32 bytes")
	}
	return nil
}
