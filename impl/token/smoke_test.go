package token_test

import (
	"errors"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"kalsel.dev/refresh/impl/token"
)

func TestSmoke(t *testing.T) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	keys, err := token.SecretKeySet(secret, false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1600000000, 0)
	raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"exp": 1611318219, "identity": "x@y", "is_admin": true, "jti": "", "name": "Real Muchlis", "roles": []any{1, "a"}}).SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	v := token.NewVerifier(keys, token.Rules{})
	m := token.NewMinter(keys, token.Rules{})
	tok, err := v.Refresh(raw, now)
	if err != nil {
		t.Fatal(err)
	}
	minted, err := m.Access(tok, 10*time.Minute, now)
	if err != nil {
		t.Fatal(err)
	}
	a, err := v.Access(minted.Token, now)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(a.Payload)
	if _, err := v.Refresh(minted.Token, now); !errors.Is(err, token.ErrNotRefresh) {
		t.Fatal(err)
	}
	if tok, err := v.Refresh(raw, now.Add(9e7*time.Second)); !errors.Is(err, token.ErrExpired) || tok == nil {
		t.Fatal(err)
	}
	s := token.Successor{Session: "s", Generation: 1, IssuedAt: 1600000000, Expires: 1600009000, ID: "j"}
	r1, err := m.Refresh(tok, s)
	if err != nil {
		t.Fatal(err)
	}
	t2, err := v.Refresh(r1.Token, now)
	if err != nil {
		t.Fatal(err)
	}
	r2, err := m.Refresh(t2, s)
	if err != nil || r1 != r2 {
		t.Fatal(err, r1, r2)
	}
	t.Log(t2.Payload)
}

func BenchmarkVerifyMint(b *testing.B) {
	secret := []byte("0123456789abcdef0123456789abcdef")
	keys, _ := token.SecretKeySet(secret, false)
	now := time.Unix(1600000000, 0)
	raw, _ := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"exp": 1611318219, "identity": "x@y", "is_admin": true, "jti": "", "name": "Real Muchlis"}).SignedString(secret)
	v := token.NewVerifier(keys, token.Rules{})
	m := token.NewMinter(keys, token.Rules{})
	b.ReportAllocs()
	for b.Loop() {
		tok, err := v.Refresh(raw, now)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := m.Access(tok, time.Hour, now); err != nil {
			b.Fatal(err)
		}
	}
}
