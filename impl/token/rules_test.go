package token_test

import (
	"testing"

	"kalsel.dev/refresh/impl/token"
)

func TestConfiguredRules(t *testing.T) {
	strict := token.Rules{Issuer: "https://login.example", Audience: "shop", RequireType: true}
	claims := func(iss, aud, kind string) string {
		return signed(t, with(`"iss":`+iss+`,"aud":`+aud+`,"type":`+kind))
	}
	runAttacks(t, verifier(t, strict), []attack{
		{"all match", claims(`"https://login.example"`, `"shop"`, `1`), nil},
		{
			"one of several audiences",
			claims(`"https://login.example"`, `["bank","shop"]`, `1`),
			nil,
		},
		{"another issuer", claims(`"https://evil.example"`, `"shop"`, `1`), token.ErrIssuer},
		{
			"issuer in another case",
			claims(`"HTTPS://login.example"`, `"shop"`, `1`),
			token.ErrIssuer,
		},
		{"no issuer", signed(t, with(`"aud":"shop","type":1`)), token.ErrIssuer},
		{"another audience", claims(`"https://login.example"`, `"bank"`, `1`), token.ErrAudience},
		{"no audience at all", claims(`"https://login.example"`, `[]`, `1`), token.ErrAudience},
		{"no aud", signed(t, with(`"iss":"https://login.example","type":1`)), token.ErrAudience},
		{
			"type required",
			signed(t, with(`"iss":"https://login.example","aud":"shop"`)),
			token.ErrNotRefresh,
		},
		{
			"expired, of another issuer",
			signed(t, `{"iss":"x","aud":"shop","type":1,"identity":"a","exp":1}`),
			token.ErrIssuer,
		},
	})
}

func TestMaxLifetime(t *testing.T) {
	hour := token.Rules{MaxLifetime: 3_600_000_000_000}
	runAttacks(t, verifier(t, hour), []attack{
		{"exactly, by iat", signed(t, `{"identity":"a","iat":1611000010,"exp":1611003610}`), nil},
		{
			"a second over, by iat",
			signed(t, `{"identity":"a","iat":1611000010,"exp":1611003611}`),
			token.ErrLifetime,
		},
		{"exactly, without iat", signed(t, `{"identity":"a","exp":1611003600}`), nil},
		{
			"a second over, without iat",
			signed(t, `{"identity":"a","exp":1611003601}`),
			token.ErrLifetime,
		},
		{"over, and expired", signed(t, `{"identity":"a","iat":1,"exp":4000}`), token.ErrLifetime},
	})
	t.Run("not for access tokens", func(t *testing.T) {
		got, err := verifier(t, hour).Access(signed(t, with(`"type":0`)), now())
		wantFault(t, got, err, nil)
	})
}
