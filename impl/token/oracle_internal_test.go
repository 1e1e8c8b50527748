package token

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"
)

// TestMACEqualsGolangJWT: the kept HMAC states give golang-jwt's signatures, one after the other, and accept no others.
func TestMACEqualsGolangJWT(t *testing.T) {
	methods := []*jwt.SigningMethodHMAC{jwt.SigningMethodHS256, jwt.SigningMethodHS384, jwt.SigningMethodHS512}
	rapid.Check(t, func(t *rapid.T) {
		method := rapid.SampledFrom(methods).Draw(t, "method")
		secret := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "secret")
		key, err := NewKey(KeySpec{Algorithm: method.Name, Material: secret, AllowWeak: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, input := range rapid.SliceOfN(rapid.SliceOf(rapid.Byte()), 1, 4).Draw(t, "inputs") {
			want, err := method.Sign(string(input), secret)
			if err != nil {
				t.Fatal(err)
			}
			got, err := key.appendSignature(nil, input)
			if err != nil || !bytes.Equal(got, want) || !key.verify(input, want) {
				t.Fatalf("%x: got %x, want %x", input, got, want)
			}
			other := rapid.SliceOfN(rapid.Byte(), 0, 70).Draw(t, "other")
			if key.verify(input, other) != (method.Verify(string(input), other, secret) == nil) {
				t.Fatalf("%x: another verdict on %x", input, other)
			}
		}
	})
}

// dates are what golang-jwt's validator looks at.
type dates struct {
	jwt.RegisteredClaims
}

// TestTimesEqualGolangJWT: the same verdicts as golang-jwt's validator for any times, at any fraction of a second: expiry
// without leeway, nbf and iat with 60 s.
func TestTimesEqualGolangJWT(t *testing.T) {
	const base = 1_611_000_000
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(base, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		draw := func(name string) int64 { return rapid.Int64Range(base-70, base+70).Draw(t, name) }
		token := &Token{Claims: Claims{
			Identity: "a", HasExpires: true, Expires: draw("exp"), HasIssuedAt: true, IssuedAt: draw("iat"), HasNotBefore: true, NotBefore: draw("nbf"),
		}}
		date := func(unix int64) *jwt.NumericDate { return jwt.NewNumericDate(time.Unix(unix, 0)) }
		claims := dates{jwt.RegisteredClaims{ExpiresAt: date(token.Expires), IssuedAt: date(token.IssuedAt), NotBefore: date(token.NotBefore)}}
		clock := jwt.WithTimeFunc(func() time.Time { return at })
		lenient := jwt.NewValidator(clock, jwt.WithIssuedAt(), jwt.WithLeeway(leeway*time.Second)).Validate(claims)
		early := errors.Is(lenient, jwt.ErrTokenNotValidYet) || errors.Is(lenient, jwt.ErrTokenUsedBeforeIssued)
		expired := errors.Is(jwt.NewValidator(clock, jwt.WithExpirationRequired()).Validate(claims), jwt.ErrTokenExpired)

		v := NewVerifier(nil, Rules{})
		if got := errors.Is(v.claimsFault(new(Key), token, at.Unix(), true), ErrNotYet); got != early {
			t.Errorf("not yet: %v, golang-jwt says %v", got, early)
		}
		if got := at.Unix() >= token.Expires; got != expired {
			t.Errorf("expired: %v, golang-jwt says %v", got, expired)
		}
	})
}

// TestDatesEqualGolangJWT: a number that is accepted as a date means the second that it means to golang-jwt.
func TestDatesEqualGolangJWT(t *testing.T) {
	number := rapid.StringMatching(`(0|[1-9][0-9]{0,17})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		text := number.Draw(t, "number")
		var want jwt.NumericDate
		theirs := want.UnmarshalJSON([]byte(text))
		var c Claims
		_, ours := decodeClaims(new(members), []byte(`{"exp":`+text+`}`), nil, &c)
		if ours != nil {
			return
		}
		if theirs != nil || want.Unix() != c.Expires {
			t.Errorf("%s: got %d, golang-jwt says %d, %v", text, c.Expires, want.Unix(), theirs)
		}
	})
}

// TestPublishedSignature: the private keys of RFC 8037 A.1 and RFC 7515 A.1 give the published signatures.
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
			"HS256", decode("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow"),
			"eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ",
			"dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
		},
	} {
		key, err := NewKey(KeySpec{Algorithm: c.alg, Material: c.material})
		if err != nil {
			t.Fatal(err)
		}
		got, err := key.appendSignature(nil, []byte(c.input))
		if err != nil || !bytes.Equal(got, decode(c.signature)) {
			t.Errorf("%s: got %x, %v", c.alg, got, err)
		}
	}
}

// FuzzByHand: claims mean the same whether they are read by hand, as far as that goes, or by the tokenizer from the start, which a name with an
// escape makes certain.
func FuzzByHand(f *testing.F) {
	for _, claims := range []string{
		sampleBench, `{"exp":1,"x":1.50,"y":[1,{"y":null}]}`, `{"identity":"a","identity":"b"}`, `{"exp":-1}`, `{"aud":["a"],"iss":"i","Exp":1}`,
		`{"type":1 , "sid":"s","gen":3,"fresh":false,"name":"\u00e9"}`, `{"exp":1}{}`, `{"exp":1,"\u0065xp":2}`, "{\"a\":1,\"x\":\"é\n\"}",
	} {
		f.Add([]byte(claims))
	}
	const escaped = `"\u007a":0`
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 || data[0] != '{' || bytes.Contains(data, []byte("z")) || bytes.Contains(bytes.ToLower(data), []byte(`\u007a`)) || bytes.Equal(bytes.TrimSpace(data[1:]), []byte("}")) {
			return
		}
		var byHand, tokenized Claims
		custom, err := decodeClaims(new(members), data, nil, &byHand)
		longer := append([]byte("{"+escaped+","), data[1:]...)
		same, failure := decodeClaims(new(members), longer, nil, &tokenized)
		if (err == nil) != (failure == nil) {
			t.Fatalf("by hand %v, else %v", err, failure)
		}
		if err != nil {
			return
		}
		if got, want := string(custom), strings.TrimPrefix(string(same), ","+escaped); got != want {
			t.Fatalf("custom claims by hand %s, else %s", got, want)
		}
		byHand.Payload, tokenized.Payload, byHand.custom, tokenized.custom = "", "", "", ""
		if !reflect.DeepEqual(byHand, tokenized) {
			t.Fatalf("by hand %+v, else %+v", byHand, tokenized)
		}
	})
}
