package token

import (
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// sampleBench is the user's sample, with the key and the time that the benchmarks use.
const (
	sampleBench = `{"exp":1611318219,"identity":"whois.muchlis@gmail.com","is_admin":true,"jti":"","name":"Real Muchlis"}`
	secretBench = "a secret of thirty-two bytes ...."
)

type bench struct {
	verifier *Verifier
	minter   *Minter
	key      *Key
	raw      string
	token    *Token
	now      time.Time
}

func newBench(b *testing.B, algorithm string) bench {
	key, err := GenerateKey(algorithm, "")
	if err != nil {
		b.Fatal(err)
	}
	keys, err := NewKeySet(key)
	if err != nil {
		b.Fatal(err)
	}
	s := bench{verifier: NewVerifier(keys, Rules{}), minter: NewMinter(keys, Rules{}), key: key, now: time.Unix(1_611_000_000, 0)}
	if s.raw, err = s.minter.Issue([]byte(sampleBench), s.now); err != nil {
		b.Fatal(err)
	}
	if s.token, err = s.verifier.Refresh(s.raw, s.now); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return s
}

func BenchmarkDecodeHeader(b *testing.B) {
	var r reading
	data := []byte(`{"alg":"HS256","typ":"JWT"}`)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if r.header, err = decodeHeader(&r.members, data, r.header); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeClaims(b *testing.B) {
	var r reading
	data := []byte(sampleBench)
	b.ReportAllocs()
	for b.Loop() {
		var c Claims
		var err error
		if r.custom, err = decodeClaims(&r.members, data, r.custom, &c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeClaims(b *testing.B) {
	s := newBench(b, "HS256")
	var dst []byte
	for b.Loop() {
		var err error
		if dst, err = s.minter.appendClaims(dst[:0], &s.token.Claims, stamp{exp: 1_611_000_600, iat: 1_611_000_000, jti: []byte("paWlpaWlpaWlpaWlpaWlpQ")}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignature compares the kept HMAC states with golang-jwt's method.
func BenchmarkSignature(b *testing.B) {
	key, err := NewKey(KeySpec{Algorithm: "HS256", Material: []byte(secretBench)})
	if err != nil {
		b.Fatal(err)
	}
	input := []byte(key.header + sampleBench)
	signature, err := key.appendSignature(nil, input)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("kept", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !key.verify(input, signature) {
				b.Fatal("refused")
			}
		}
	})
	b.Run("golang-jwt", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if key.method.Verify(string(input), signature, key.verifying) != nil {
				b.Fatal("refused")
			}
		}
	})
}

// BenchmarkVerify verifies a token for the first time, and one that was verified before.
func BenchmarkVerify(b *testing.B) {
	for _, algorithm := range []string{"HS256", "RS256", "ES256", "EdDSA"} {
		for _, first := range []bool{true, false} {
			name := algorithm + "/again"
			if first {
				name = algorithm + "/first"
			}
			b.Run(name, func(b *testing.B) { verifyBench(b, newBench(b, algorithm), first) })
		}
	}
}

func verifyBench(b *testing.B, s bench, first bool) {
	d, _ := s.key.digestOf(nil, []byte(s.raw))
	shard, bucket := s.verifier.proven.at(d)
	for b.Loop() {
		if first && shard.buckets != nil {
			shard.buckets[bucket] = [provenWays]digest{}
		}
		if _, err := s.verifier.Refresh(s.raw, s.now); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMint(b *testing.B) {
	for _, algorithm := range []string{"HS256", "RS256", "ES256", "EdDSA"} {
		b.Run(algorithm, func(b *testing.B) {
			s := newBench(b, algorithm)
			for b.Loop() {
				if _, err := s.minter.Access(s.token, time.Hour, s.now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerifyAndMint is one stateless refresh; the second one does it as golang-jwt's README does.
func BenchmarkVerifyAndMint(b *testing.B) {
	b.Run("ours", func(b *testing.B) {
		s := newBench(b, "HS256")
		for b.Loop() {
			t, err := s.verifier.Refresh(s.raw, s.now)
			if err != nil {
				b.Fatal(err)
			}
			if _, err := s.minter.Access(t, time.Hour, s.now); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("golang-jwt map claims", func(b *testing.B) {
		s := newBench(b, "HS256")
		parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(func() time.Time { return s.now }))
		for b.Loop() {
			t, err := parser.Parse(s.raw, func(*jwt.Token) (any, error) { return s.key.verifying, nil })
			if err != nil {
				b.Fatal(err)
			}
			if _, err := jwt.NewWithClaims(jwt.SigningMethodHS256, t.Claims).SignedString(s.key.signing); err != nil {
				b.Fatal(err)
			}
		}
	})
}
