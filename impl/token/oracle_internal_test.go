package token

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"kalsel.dev/refresh/impl/strictjson"
)

// dates are the claims that golang-jwt's validator checks.
type dates struct {
	jwt.RegisteredClaims
}

// TestTimesEqualGolangJWT: the same verdicts as golang-jwt's validator for any times, at any
// fraction of a second: expiry without leeway, nbf and iat with 60 s.
func TestTimesEqualGolangJWT(t *testing.T) {
	const base = 1_611_000_000
	rapid.Check(t, func(t *rapid.T) {
		at := time.Unix(base, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		draw := func(name string) int64 { return rapid.Int64Range(base-70, base+70).Draw(t, name) }
		token := &Token{Claims: Claims{
			Identity:     "a",
			HasExpires:   true,
			Expires:      draw("exp"),
			HasIssuedAt:  true,
			IssuedAt:     draw("iat"),
			HasNotBefore: true,
			NotBefore:    draw("nbf"),
		}}
		date := func(unix int64) *jwt.NumericDate { return jwt.NewNumericDate(time.Unix(unix, 0)) }
		claims := dates{
			jwt.RegisteredClaims{
				ExpiresAt: date(token.Expires),
				IssuedAt:  date(token.IssuedAt),
				NotBefore: date(token.NotBefore),
			},
		}
		clock := jwt.WithTimeFunc(func() time.Time { return at })
		lenient := jwt.NewValidator(clock, jwt.WithIssuedAt(), jwt.WithLeeway(leeway*time.Second)).
			Validate(claims)
		early := errors.Is(lenient, jwt.ErrTokenNotValidYet) ||
			errors.Is(lenient, jwt.ErrTokenUsedBeforeIssued)
		expired := errors.Is(
			jwt.NewValidator(clock, jwt.WithExpirationRequired()).Validate(claims),
			jwt.ErrTokenExpired,
		)

		fault := token.timeFault(at.Unix())
		_, soon := errors.AsType[*Early](fault)
		if got := soon || errors.Is(fault, ErrNotYet); got != early {
			t.Errorf("not yet: %v, golang-jwt says %v", got, early)
		}
		if got := errors.Is(fault, ErrExpired); got != (expired && !early) {
			t.Errorf("expired: %v, golang-jwt says %v", got, expired)
		}
	})
}

// TestDatesEqualGolangJWT: a number that is accepted as a date means the second that it means to
// golang-jwt.
func TestDatesEqualGolangJWT(t *testing.T) {
	number := rapid.StringMatching(`(0|[1-9][0-9]{0,17})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		text := number.Draw(t, "number")
		var want jwt.NumericDate
		theirs := want.UnmarshalJSON([]byte(text))
		var c Claims
		_, ours := c.read(defaultProfile(), new(strictjson.Reader), []byte(`{"exp":`+text+`}`), nil)
		if ours != nil {
			return
		}
		if theirs != nil || want.Unix() != c.Expires {
			t.Errorf("%s: got %d, golang-jwt says %d, %v", text, c.Expires, want.Unix(), theirs)
		}
	})
}

// FuzzByHand: claims mean the same whether they are read by hand, as far as that goes, or by the
// tokenizer from the start, which a name with an escape makes certain.
func FuzzByHand(f *testing.F) {
	for _, claims := range []string{
		sampleBench, `{"exp":1,"x":1.50,"y":[1,{"y":null}]}`, `{"identity":"a","identity":"b"}`,
		`{"exp":-1}`, `{"aud":["a"],"iss":"i","Exp":1}`,
		`{"type":1 , "sid":"s","gen":3,"fresh":false,"name":"\u00e9"}`, `{"exp":1}{}`,
		`{"exp":1,"\u0065xp":2}`, "{\"a\":1,\"x\":\"é\n\"}",
	} {
		f.Add([]byte(claims))
	}
	const escaped = `"\u007a":0`
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 2 || data[0] != '{' || bytes.Contains(data, []byte("z")) ||
			bytes.Contains(bytes.ToLower(data), []byte(`\u007a`)) ||
			bytes.Equal(bytes.TrimSpace(data[1:]), []byte("}")) {
			return
		}
		var byHand, tokenized Claims
		custom, err := byHand.read(defaultProfile(), new(strictjson.Reader), data, nil)
		longer := append([]byte("{"+escaped+","), data[1:]...)
		same, failure := tokenized.read(defaultProfile(), new(strictjson.Reader), longer, nil)
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
