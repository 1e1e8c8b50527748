package jwk

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
)

// Thumbprint returns the JWK Thumbprint of the public half with SHA-256 (RFC 7638). It is the same
// wherever the key stands and whatever its ID is. It is empty for a secret, because the hash of a
// weak secret would help to guess it.
func (k *Key) Thumbprint() string { return k.thumbprint }

// thumbprintOf returns the Thumbprint of a key.
func thumbprintOf(k *Key) string {
	if k.Symmetric() {
		return ""
	}
	// RFC 7638 section 3.2: the required members alone, in lexicographic order, without white
	// space.
	text := base64.RawURLEncoding.EncodeToString
	var members string
	switch w := k.wire(false); w.Type {
	case "RSA":
		members = fmt.Sprintf(`{"e":%q,"kty":"RSA","n":%q}`, text(w.Exponent), text(w.Modulus))
	case "EC":
		members = fmt.Sprintf(`{"crv":%q,"kty":"EC","x":%q,"y":%q}`, w.Curve, text(w.X), text(w.Y))
	case "OKP":
		members = fmt.Sprintf(`{"crv":%q,"kty":"OKP","x":%q}`, w.Curve, text(w.X))
	}
	sum := sha256.Sum256([]byte(members))
	return text(sum[:])
}
