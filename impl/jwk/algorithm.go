package jwk

import (
	"crypto/elliptic"

	"github.com/golang-jwt/jwt/v5"
)

// algorithm is the signing method of an alg, and the properties that its keys must have.
type algorithm struct {
	method jwt.SigningMethod
	// size is the shortest HMAC secret in bytes, the length of the hash (RFC 7518 section 3.2).
	size  int
	curve elliptic.Curve
	// reproducible is true if the same input and key always give the same signature.
	reproducible bool
}

// algorithmOf returns the algorithm with exactly this name (RFC 7518 section 3.1, RFC 8037, RFC
// 9864). ok is false if it is not supported.
func algorithmOf(name string) (alg algorithm, ok bool) {
	switch name {
	case "HS256":
		return algorithm{method: jwt.SigningMethodHS256, size: 32, reproducible: true}, true
	case "HS384":
		return algorithm{method: jwt.SigningMethodHS384, size: 48, reproducible: true}, true
	case "HS512":
		return algorithm{method: jwt.SigningMethodHS512, size: 64, reproducible: true}, true
	case "RS256":
		return algorithm{method: jwt.SigningMethodRS256, reproducible: true}, true
	case "RS384":
		return algorithm{method: jwt.SigningMethodRS384, reproducible: true}, true
	case "RS512":
		return algorithm{method: jwt.SigningMethodRS512, reproducible: true}, true
	case "PS256":
		return algorithm{method: jwt.SigningMethodPS256}, true
	case "ES256":
		return algorithm{method: jwt.SigningMethodES256, curve: elliptic.P256()}, true
	case "ES384":
		return algorithm{method: jwt.SigningMethodES384, curve: elliptic.P384()}, true
	case "EdDSA", "Ed25519":
		return algorithm{method: jwt.SigningMethodEdDSA, reproducible: true}, true
	}
	return algorithm{}, false
}

// Supported reports whether keys of the algorithm can be used here.
func Supported(name string) bool {
	_, ok := algorithmOf(name)
	return ok
}
