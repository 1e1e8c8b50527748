package token

import (
	"github.com/golang-jwt/jwt/v5"
	"testing"
	"time"
)

func BenchmarkJWTHmacVerify(b *testing.B) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	in := "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJleHAiOjE2MTEzMTgyMTksImlkZW50aXR5Ijoid2hvaXMubXVjaGxpc0BnbWFpbC5jb20iLCJpc19hZG1pbiI6dHJ1ZSwianRpIjoiIiwibmFtZSI6IlJlYWwgTXVjaGxpcyJ9"
	sig, _ := jwt.SigningMethodHS256.Sign(in, secret)
	b.ReportAllocs()
	for b.Loop() {
		if jwt.SigningMethodHS256.Verify(in, sig, secret) != nil {
			b.Fatal()
		}
	}
}
func BenchmarkDecodeClaims(b *testing.B) {
	data := []byte(`{"exp":1611318219,"identity":"whois.muchlis@gmail.com","is_admin":true,"jti":"","name":"Real Muchlis"}`)
	r := new(reading)
	b.ReportAllocs()
	for b.Loop() {
		var c Claims
		var err error
		if r.custom, err = decodeClaims(&r.members, data, r.custom, &c); err != nil {
			b.Fatal(err)
		}
	}
}
func BenchmarkDecodeHeader(b *testing.B) {
	data := []byte(`{"alg":"HS256","typ":"JWT"}`)
	r := new(reading)
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if r.header, err = decodeHeader(&r.members, data, r.header); err != nil {
			b.Fatal(err)
		}
	}
}

var _ = time.Now
