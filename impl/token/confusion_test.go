package token_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// material is one private key of each kind.
type material struct {
	rsa  *rsa.PrivateKey
	p256 *ecdsa.PrivateKey
	p384 *ecdsa.PrivateKey
	ed   ed25519.PrivateKey
}

func newMaterial(t testing.TB) material {
	data, err := os.ReadFile(filepath.Join("..", "jwk", "testdata", "keys.json"))
	var set jwkset.JWKSMarshal
	if err := json.Unmarshal(must(t, data, err), &set); err != nil {
		t.Fatal(err)
	}
	all, err := set.JWKSlice()
	keys := map[string]any{}
	for _, key := range must(t, all, err) {
		keys[key.Marshal().KID] = key.Key()
	}
	return material{
		rsa:  keys["RS256"].(*rsa.PrivateKey),
		p256: keys["ES256"].(*ecdsa.PrivateKey),
		p384: keys["ES384"].(*ecdsa.PrivateKey),
		ed:   keys["EdDSA"].(ed25519.PrivateKey),
	}
}

// keys has one public key of each asymmetric algorithm, by the algorithm's name, and a secret.
func (m material) keys(t testing.TB) *jwk.Set {
	return keySet(t,
		newKey(t, "HS256", "HS256", []byte(secret)),
		newKey(t, "RS256", "RS256", &m.rsa.PublicKey),
		newKey(t, "PS256", "PS256", &m.rsa.PublicKey),
		newKey(t, "ES256", "ES256", &m.p256.PublicKey),
		newKey(t, "ES384", "ES384", &m.p384.PublicKey),
		newKey(t, "EdDSA", "EdDSA", m.ed.Public()))
}

func TestAlgorithmConfusion(t *testing.T) {
	m := newMaterial(t)
	h := func(alg, kid string) string { return `{"alg":"` + alg + `","kid":"` + kid + `"}` }
	der, err := x509.MarshalPKIXPublicKey(&m.rsa.PublicKey)
	must(t, der, err)
	publicPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	zero := func(alg string, size int) string {
		return encode(
			h(alg, alg),
		) + "." + encode(
			sample,
		) + "." + encode(
			strings.Repeat("\x00", size),
		)
	}
	runAttacks(t, token.NewVerifier(m.keys(t), token.Rules{}), []attack{
		{
			"HS256",
			forge(t, jwt.SigningMethodHS256, []byte(secret), h("HS256", "HS256"), sample),
			nil,
		},
		{"RS256", forge(t, jwt.SigningMethodRS256, m.rsa, h("RS256", "RS256"), sample), nil},
		{"PS256", forge(t, jwt.SigningMethodPS256, m.rsa, h("PS256", "PS256"), sample), nil},
		{"ES256", forge(t, jwt.SigningMethodES256, m.p256, h("ES256", "ES256"), sample), nil},
		{"ES384", forge(t, jwt.SigningMethodES384, m.p384, h("ES384", "ES384"), sample), nil},
		{"EdDSA", forge(t, jwt.SigningMethodEdDSA, m.ed, h("EdDSA", "EdDSA"), sample), nil},

		{
			"public key (PEM) as HMAC secret",
			forge(t, jwt.SigningMethodHS256, publicPEM, h("HS256", "RS256"), sample),
			token.ErrAlgorithm,
		},
		{
			"public key (DER) as HMAC secret",
			forge(t, jwt.SigningMethodHS256, der, h("HS256", "RS256"), sample),
			token.ErrAlgorithm,
		},
		{
			"Ed25519 public key as HMAC secret",
			forge(
				t,
				jwt.SigningMethodHS256,
				[]byte(m.ed.Public().(ed25519.PublicKey)),
				h("HS256", "EdDSA"),
				sample,
			),
			token.ErrAlgorithm,
		},
		{
			"public key as HMAC secret, alg of the key",
			forge(t, jwt.SigningMethodHS256, publicPEM, h("RS256", "RS256"), sample),
			token.ErrSignature,
		},
		{
			"PS256 for a key of RS256",
			forge(t, jwt.SigningMethodPS256, m.rsa, h("PS256", "RS256"), sample),
			token.ErrAlgorithm,
		},
		{
			"RS256 for a key of PS256",
			forge(t, jwt.SigningMethodRS256, m.rsa, h("RS256", "PS256"), sample),
			token.ErrAlgorithm,
		},
		{
			"PS256 under the name of RS256",
			forge(t, jwt.SigningMethodPS256, m.rsa, h("RS256", "RS256"), sample),
			token.ErrSignature,
		},
		{
			"RS512 for a key of RS256",
			forge(t, jwt.SigningMethodRS512, m.rsa, h("RS512", "RS256"), sample),
			token.ErrAlgorithm,
		},
		{
			"ES384 for a key on P-256",
			forge(t, jwt.SigningMethodES384, m.p384, h("ES384", "ES256"), sample),
			token.ErrAlgorithm,
		},
		{
			"ES384 under the name of ES256",
			forge(t, jwt.SigningMethodES384, m.p384, h("ES256", "ES256"), sample),
			token.ErrSignature,
		},
		{
			"kid of a key of another algorithm",
			forge(t, jwt.SigningMethodHS256, []byte(secret), h("HS256", "ES256"), sample),
			token.ErrAlgorithm,
		},
		{
			"none with the kid of a public key",
			encode(h("none", "RS256")) + "." + encode(sample) + ".",
			token.ErrAlgorithm,
		},
		{"all-zero ES256 signature", zero("ES256", 64), token.ErrSignature},
		{"all-zero ES384 signature", zero("ES384", 96), token.ErrSignature},
		{"all-zero EdDSA signature", zero("EdDSA", 64), token.ErrSignature},
		{"all-zero RS256 signature", zero("RS256", 384), token.ErrSignature},
		{"empty ES256 signature", zero("ES256", 0), token.ErrSignature},
		{"empty EdDSA signature", zero("EdDSA", 0), token.ErrSignature},
	})
}
