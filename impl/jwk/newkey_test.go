package jwk_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"math/big"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/jwk"
)

func TestNewKeyRefuses(t *testing.T) {
	m := newMaterial(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, small, err)
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	mixed := *m.p256
	mixed.PublicKey = must(t, other, err).PublicKey
	split := append(ed25519.PrivateKey{}, m.ed...)
	split[63] ^= 1
	for name, c := range map[string]struct {
		algorithm string
		material  any
		want      string
	}{
		"none":                        {"none", []byte(secret), `"none" is not supported`},
		"ES512":                       {"ES512", m.p256, `"ES512" is not supported`},
		"a secret for RS256":          {"RS256", []byte(secret), "does not suit a secret"},
		"RSA for HS256":               {"HS256", &m.rsa.PublicKey, "does not suit an RSA key"},
		"RSA for ES256":               {"ES256", m.rsa, "does not suit an RSA key"},
		"EC for RS256":                {"RS256", m.p256, "does not suit an EC key"},
		"EC for EdDSA":                {"EdDSA", m.p256, "does not suit an EC key"},
		"Ed25519 for ES256":           {"ES256", m.ed, "does not suit an Ed25519 key"},
		"P-384 for ES256":             {"ES256", m.p384, "needs the curve P-256"},
		"P-256 for ES384":             {"ES384", &m.p256.PublicKey, "needs the curve P-384"},
		"RSA of 1024 bits":            {"RS256", small, "1024 bits"},
		"a short secret":              {"HS256", []byte(secret)[:31], "31 bytes"},
		"a short secret for HS384":    {"HS384", []byte(secret), "needs at least 48"},
		"a short secret for HS512":    {"HS512", []byte(secret), "needs at least 64"},
		"no secret":                   {"HS256", []byte{}, "is empty"},
		"EC halves of different keys": {"ES256", &mixed, "does not belong to its public key"},
		"Ed25519 halves of different": {"EdDSA", split, "does not belong to its public key"},
		"a short Ed25519 key":         {"EdDSA", ed25519.PublicKey{1, 2}, "32 bytes"},
		"a string":                    {"HS256", secret, "type string"},
		"nothing":                     {"HS256", nil, "is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := jwk.NewKey(jwk.Spec{Algorithm: c.algorithm, Material: c.material})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// TestNewKeyRefusesIDs that no database or no JSON can hold.
func TestNewKeyRefusesIDs(t *testing.T) {
	for id, want := range map[string]string{"\x00": "NUL", "a\x00b": "NUL", "\xff": "UTF-8"} {
		_, err := jwk.NewKey(jwk.Spec{ID: id, Algorithm: "HS256", Material: []byte(secret)})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", id, err, want)
		}
	}
}

// TestRSALimits: from 2048 to 8192 bits, with an odd exponent above 2.
func TestRSALimits(t *testing.T) {
	public := func(bits uint, e int) *rsa.PublicKey {
		n := new(big.Int).Lsh(big.NewInt(1), bits-1)
		return &rsa.PublicKey{N: n.Add(n, big.NewInt(1)), E: e}
	}
	for _, c := range []struct {
		bits uint
		e    int
		want string
	}{
		{2047, 3, "2047 bits"}, {2048, 3, ""}, {8192, 65537, ""}, {8193, 65537, "8193 bits"},
		{2048, 1, "exponent"}, {2048, 2, "exponent"}, {2048, 4, "exponent"}, {2048, 5, ""},
	} {
		_, err := jwk.NewKey(jwk.Spec{ID: "a", Algorithm: "RS256", Material: public(c.bits, c.e)})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d bits, exponent %d: got %v, want %q", c.bits, c.e, err, c.want)
		}
	}
}
