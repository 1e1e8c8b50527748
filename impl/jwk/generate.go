package jwk

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

// GenerateKey returns a new random key that signs: a secret as long as its hash, RSA of 3072 bits,
// or a key on the algorithm's curve. It fails if the algorithm is not supported.
func GenerateKey(algorithm, id string) (*Key, error) {
	alg, ok := algorithmOf(algorithm)
	if !ok {
		return nil, fmt.Errorf("algorithm %q is not supported", algorithm)
	}
	var material any
	var err error
	switch alg.method.(type) {
	case *jwt.SigningMethodHMAC:
		secret := make([]byte, alg.size)
		_, err = rand.Read(secret)
		material = secret
	case *jwt.SigningMethodECDSA:
		material, err = ecdsa.GenerateKey(alg.curve, rand.Reader)
	case *jwt.SigningMethodEd25519:
		_, material, err = ed25519.GenerateKey(rand.Reader)
	default:
		material, err = rsa.GenerateKey(rand.Reader, newRSABits)
	}
	if err != nil {
		return nil, err
	}
	return NewKey(Spec{ID: id, Algorithm: algorithm, Material: material})
}
