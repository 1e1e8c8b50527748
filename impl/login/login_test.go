package login_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/token"
)

func now() time.Time { return time.Unix(1_800_000_000, 0) }

func keys(t *testing.T) *jwk.Set {
	t.Helper()
	set, err := jwk.SecretSet([]byte("a secret for tests only, not for anything else"), false)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// payload returns the claims of a token as they were written, with another jti.
func payload(t *testing.T, raw string) string {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	if err != nil {
		t.Fatal(err)
	}
	return regexp.MustCompile(`"jti":"[^"]+"`).ReplaceAllString(string(data), `"jti":"J"`)
}

func TestSign(t *testing.T) {
	for _, c := range []struct {
		name  string
		token login.Token
		rules token.Rules
		want  string
	}{
		{
			"refresh token",
			login.Token{Identity: "me", Name: "Me", Lifetime: time.Hour},
			token.Rules{},
			`{"exp":1800003600,"iat":1800000000,"identity":"me","is_admin":false,"jti":"J","name":"Me","type":1}`,
		},
		{
			"access token, for the configured issuer and audience",
			login.Token{
				Identity: "me",
				Admin:    true,
				Access:   true,
				Fresh:    true,
				Lifetime: time.Minute,
			},
			token.Rules{Issuer: "us", Audience: "them"},
			`{"exp":1800000060,"iat":1800000000,"identity":"me","is_admin":true,"jti":"J","type":0,` +
				`"fresh":true,"iss":"us","aud":"them"}`,
		},
		{
			"expired: issued no later than it expired",
			login.Token{Identity: "me", Lifetime: -time.Second},
			token.Rules{},
			`{"exp":1799999999,"iat":1799999999,"identity":"me","is_admin":false,"jti":"J","type":1}`,
		},
		{
			"further claims, one of which replaces another",
			login.Token{
				Identity: "me",
				Lifetime: time.Hour,
				Claims: []login.Claim{
					{Name: "roles", Value: json.RawMessage(`[ "a", 2.50 ]`)},
					{Name: "is_admin", Value: json.RawMessage(`null`)},
				},
			},
			token.Rules{},
			`{"exp":1800003600,"iat":1800000000,"identity":"me","is_admin":null,"jti":"J","type":1,` +
				`"roles":["a",2.50]}`,
		},
		{
			"the claim name has the identity",
			login.Token{Identity: "me", Name: "Me", Lifetime: time.Hour},
			token.Rules{Profile: profile(t, "simplejwt", "name", "")},
			`{"exp":1800003600,"iat":1800000000,"name":"me","jti":"J","token_type":"refresh"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			raw, err := c.token.Sign(keys(t), c.rules, now())
			if err != nil {
				t.Fatal(err)
			}
			if got := payload(t, raw); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestSignRejectsClaimsThatAreNotJSON(t *testing.T) {
	bad := login.Token{Claims: []login.Claim{{Name: "a", Value: json.RawMessage(`x`)}}}
	if raw, err := bad.Sign(keys(t), token.Rules{}, now()); err == nil {
		t.Errorf("got %s, want an error", raw)
	}
}

// The verifier accepts both tokens of a pair, each as its own kind, until it expires.
func TestPair(t *testing.T) {
	user := login.Token{Identity: "me", Admin: true}
	p, err := user.Pair(keys(t), token.Rules{}, now(), time.Minute, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	v := token.NewVerifier(keys(t), token.Rules{RequireType: true})
	access, err := v.Access(p.AccessToken, now())
	if err != nil || !access.Fresh || !access.Admin || access.Expires != p.Expires {
		t.Errorf("access token: %v %v", access, err)
	}
	if _, err := v.Refresh(p.RefreshToken, now()); err != nil {
		t.Errorf("refresh token: %v", err)
	}
	if _, err := v.Refresh(p.AccessToken, now()); !errors.Is(err, token.ErrNotRefresh) {
		t.Errorf("an access token is accepted as a refresh token: %v", err)
	}
	if _, err := v.Access(p.AccessToken,
		now().Add(time.Minute)); !errors.Is(err, token.ErrExpired) {
		t.Errorf("the access token has not expired: %v", err)
	}
	if _, err := v.Refresh(p.RefreshToken,
		now().Add(time.Hour)); !errors.Is(err, token.ErrExpired) {
		t.Errorf("the refresh token has not expired: %v", err)
	}
}
