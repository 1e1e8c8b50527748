package token

import (
	"encoding/base64"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/strictjson"
)

// sampleBench is the user's sample, with the key and the time that the benchmarks use.
const (
	sampleBench = `{"exp":1611318219,"identity":"whois.muchlis@gmail.com","is_admin":true,"jti":"","name":"Real Muchlis"}`
	secretBench = "a secret of thirty-two bytes ...."
)

type bench struct {
	verifier *Verifier
	minter   *Minter
	raw      string
	token    *Token
	now      time.Time
}

func newBench(b *testing.B, algorithm string) bench {
	keys, err := jwk.SecretSet([]byte(secretBench), false)
	if algorithm != "HS256" {
		var key *jwk.Key
		if key, err = jwk.GenerateKey(algorithm, ""); err == nil {
			keys, err = jwk.NewSet(key)
		}
	}
	if err != nil {
		b.Fatal(err)
	}
	s := bench{
		verifier: NewVerifier(keys, Rules{}),
		minter:   NewMinter(keys, Rules{}),
		now:      time.Unix(1_611_000_000, 0),
	}
	if s.raw, err = s.minter.Issue([]byte(sampleBench), s.now); err != nil {
		b.Fatal(err)
	}
	if s.token, err = s.verifier.Refresh(s.raw, s.now); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return s
}

func BenchmarkReadHeader(b *testing.B) {
	var json strictjson.Reader
	part := []byte(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","typ":"JWT"}`)))
	b.ReportAllocs()
	for b.Loop() {
		var h header
		if err := h.read(&json, "", part); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadClaims(b *testing.B) {
	var r reading
	data, profile := []byte(sampleBench), defaultProfile()
	b.ReportAllocs()
	for b.Loop() {
		var c Claims
		var err error
		if r.custom, err = c.read(profile, &r.json, data, r.custom); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range []string{"HS256", "RS256", "ES256", "EdDSA"} {
		b.Run(algorithm, func(b *testing.B) {
			s := newBench(b, algorithm)
			for b.Loop() {
				if _, err := s.verifier.Refresh(s.raw, s.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMint(b *testing.B) {
	for _, algorithm := range []string{"HS256", "RS256", "ES256", "EdDSA"} {
		b.Run(algorithm, func(b *testing.B) {
			s := newBench(b, algorithm)
			for b.Loop() {
				if _, err := s.minter.Access(s.token, Session{}, time.Hour, s.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifyAndMint is one stateless refresh; the second one does it as golang-jwt's README
// does.
func BenchmarkVerifyAndMint(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		s := newBench(b, "HS256")
		for b.Loop() {
			t, err := s.verifier.Refresh(s.raw, s.now)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.minter.Access(t, Session{}, time.Hour, s.now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("golang-jwt map claims", func(b *testing.B) {
		s := newBench(b, "HS256")
		parser := jwt.NewParser(
			jwt.WithValidMethods([]string{"HS256"}),
			jwt.WithTimeFunc(func() time.Time { return s.now }),
		)
		for b.Loop() {
			t, err := parser.Parse(
				s.raw,
				func(*jwt.Token) (any, error) { return []byte(secretBench), nil },
			)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := jwt.NewWithClaims(jwt.SigningMethodHS256,
				t.Claims).SignedString([]byte(secretBench)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
