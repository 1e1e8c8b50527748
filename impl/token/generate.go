package token

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

// newRSABits gives about 128 bits of security (NIST SP 800-57 part 1, table 2).
const newRSABits = 3072

// GenerateKey makes a new random key that signs: a secret as long as its hash, RSA of 3072 bits, or the algorithm's curve.
func GenerateKey(algorithm, id string) (*Key, error) {
	alg, ok := algorithmOf(algorithm)
	if !ok {
		return nil, fmt.Errorf("algorithm %q is not supported", algorithm)
	}
	material, err := alg.generate()
	if err != nil {
		return nil, err
	}
	return NewKey(KeySpec{ID: id, Algorithm: algorithm, Material: material})
}

func (a algorithm) generate() (any, error) {
	switch a.method.(type) {
	case *jwt.SigningMethodHMAC:
		secret := make([]byte, a.size)
		_, err := rand.Read(secret)
		return secret, err
	case *jwt.SigningMethodECDSA:
		return ecdsa.GenerateKey(a.curve, rand.Reader)
	case *jwt.SigningMethodEd25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return rsa.GenerateKey(rand.Reader, newRSABits)
}

// WithTimes is the key with another time to begin signing and another expiry, in Unix seconds; 0 is none.
func (k *Key) WithTimes(notBefore, expires int64) (*Key, error) {
	if notBefore < 0 || expires < 0 {
		return nil, errNegativeTimes
	}
	other := *k
	other.notBefore, other.expires = notBefore, expires
	return &other, nil
}
