package jwk_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/MicahParks/jwkset"
	"github.com/go-json-experiment/json"
	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"kalsel.dev/refresh/impl/jwk"
)

// material is one private key of each kind.
type material struct {
	rsa  *rsa.PrivateKey
	p256 *ecdsa.PrivateKey
	p384 *ecdsa.PrivateKey
	ed   ed25519.PrivateKey
}

func newMaterial(t testing.TB) material {
	data, err := os.ReadFile(filepath.Join("testdata", "keys.json"))
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

// TestMACEqualsGolangJWT: the kept HMAC states give golang-jwt's signatures, one after the other,
// and accept no others.
func TestMACEqualsGolangJWT(t *testing.T) {
	methods := []*jwt.SigningMethodHMAC{
		jwt.SigningMethodHS256,
		jwt.SigningMethodHS384,
		jwt.SigningMethodHS512,
	}
	rapid.Check(t, func(t *rapid.T) {
		method := rapid.SampledFrom(methods).Draw(t, "method")
		secret := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "secret")
		key, err := jwk.NewKey(jwk.Spec{Algorithm: method.Name, Material: secret, AllowWeak: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, input := range rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 4).Draw(t, "inputs") {
			want, err := method.Sign(string(input), secret)
			if err != nil {
				t.Fatal(err)
			}
			got, err := key.AppendSignature(nil, input)
			if err != nil || !bytes.Equal(got, want) || !key.Verify(input, want) {
				t.Fatalf("%x: got %x, want %x", input, got, want)
			}
			other := rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "other")
			if key.Verify(input, other) != (method.Verify(string(input), other, secret) == nil) {
				t.Fatalf("%x: another verdict on %x", input, other)
			}
		}
	})
}

// TestPublishedSignature: the private keys of RFC 8037 A.1 and RFC 7515 A.1 give the published
// signatures.
func TestPublishedSignature(t *testing.T) {
	decode := func(s string) []byte {
		data, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, c := range []struct {
		alg              string
		material         any
		input, signature string
	}{
		{
			"EdDSA", ed25519.NewKeyFromSeed(decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")),
			"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
			"hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
		},
		{
			"HS256",
			decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
			"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		},
	} {
		key, err := jwk.NewKey(jwk.Spec{Algorithm: c.alg, Material: c.material})
		if err != nil {
			t.Fatal(err)
		}
		got, err := key.AppendSignature(nil, []byte(c.input))
		if err != nil || !bytes.Equal(got, decode(c.signature)) {
			t.Errorf("%s: got %x, %v", c.alg, got, err)
		}
	}
}

// BenchmarkSignature compares the kept HMAC states with golang-jwt's method.
func BenchmarkSignature(b *testing.B) {
	key, err := jwk.NewKey(jwk.Spec{Algorithm: "HS256", Material: []byte(secret)})
	if err != nil {
		b.Fatal(err)
	}
	input := []byte(key.Header() + "claims")
	signature, err := key.AppendSignature(nil, input)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("kept", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !key.Verify(input, signature) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("golang-jwt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if jwt.SigningMethodHS256.Verify(string(input), signature, []byte(secret)) != nil {
				b.Fatal("refused")
			}
		}
	})
}

// TestHeader: the start of minted tokens names the key and its algorithm.
func TestHeader(t *testing.T) {
	for id, want := range map[string]string{
		"":      `{"alg":"HS256","typ":"JWT"}`,
		"a":     `{"alg":"HS256","typ":"JWT","kid":"a"}`,
		"\"é\n": `{"alg":"HS256","typ":"JWT","kid":"\"é\n"}`,
	} {
		if got := newKey(t, id, "HS256", []byte(secret)).Header(); got != encode(want)+"." {
			t.Errorf("%q: got %s", id, got)
		}
	}
}

func TestKeyTimes(t *testing.T) {
	for _, c := range []struct {
		notBefore, expires int64
		ok                 bool
	}{{0, 0, true}, {1, 0, true}, {0, 1, true}, {-1, 0, false}, {0, -1, false}} {
		spec := jwk.Spec{
			Algorithm: "HS256",
			Material:  []byte(secret),
			NotBefore: c.notBefore,
			Expires:   c.expires,
		}
		if _, err := jwk.NewKey(spec); (err == nil) != c.ok {
			t.Errorf("NewKey %+v: %v", c, err)
		}
		other, err := newKey(t, "", "HS256", []byte(secret)).WithTimes(c.notBefore, c.expires)
		if (err == nil) != c.ok {
			t.Errorf("WithTimes %+v: %v", c, err)
		}
		if c.ok && (other.NotBefore() != c.notBefore || other.Expires() != c.expires) {
			t.Errorf("WithTimes %+v: got %d, %d", c, other.NotBefore(), other.Expires())
		}
	}
}

// TestPublicKeysCannotSign: neither a public half nor a secret that may only verify.
func TestPublicKeysCannotSign(t *testing.T) {
	set, err := jwk.ParseSet(fmt.Appendf(
		nil,
		`{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":%q,"key_ops":["verify"]}]}`,
		encode(secret),
	), false)
	for _, key := range []*jwk.Key{must(t, set, err).All()[0],
		newKey(t, "a", "EdDSA", newMaterial(t).ed.Public())} {
		if signature, err := key.AppendSignature(nil, []byte("input")); err == nil {
			t.Errorf("%s: signed: %x", key.Algorithm(), signature)
		}
	}
}
