package token_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/token"
)

// strictJWT is golang-jwt's own parser with every strictness that it offers. Its leeway is for iat
// and nbf; it is checked once more without any for exp.
func strictJWT(raw string, at time.Time) error {
	options := []jwt.ParserOption{
		jwt.WithValidMethods(
			[]string{"HS256"},
		), jwt.WithExpirationRequired(), jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return at }),
	}
	key := func(*jwt.Token) (any, error) { return []byte(secret), nil }
	_, err := jwt.NewParser(append(options, jwt.WithIssuedAt(), jwt.WithLeeway(time.Minute))...).
		Parse(raw, key)
	if err != nil {
		return err
	}
	if _, err := jwt.NewParser(options...).Parse(raw, key); errors.Is(err, jwt.ErrTokenExpired) {
		return err
	}
	return nil
}

// sign signs two parts as they are, even when they are not base64url.
func sign(header, claims string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(header + "." + claims))
	return header + "." + claims + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// neverLooser fails if we accept a token that golang-jwt rejects, or mint a token that is not
// acceptable to either.
func neverLooser(t *testing.T, v *token.Verifier, m *token.Minter, raw string) {
	got, err := v.Refresh(raw, now())
	if (got != nil) != timeOnly(err) {
		t.Fatalf("token %v with fault %v", got, err)
	}
	if got == nil {
		return
	}
	theirs := strictJWT(raw, now())
	if err == nil && theirs != nil {
		t.Fatalf("accepted, but golang-jwt says %v:\n%s", theirs, got.Payload)
	}
	if err != nil && theirs == nil {
		t.Fatalf("expired only here:\n%s", got.Payload)
	}
	if access, _ := v.Access(raw, now()); access != nil {
		t.Fatalf("accepted as both kinds of token:\n%s", got.Payload)
	}
	minted, err := m.Access(got, token.Session{}, time.Hour, now())
	if errors.Is(err, token.ErrTooLong) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	access, err := v.Access(minted.Token, now())
	if err != nil || access.Identity != got.Identity || access.Expires != minted.Expires {
		t.Fatalf("what we mint, we refuse: %v", err)
	}
	if err := strictJWT(minted.Token, now()); err != nil {
		t.Fatalf("what we mint, golang-jwt refuses: %v", err)
	}
}

// FuzzVerify takes whole tokens, as an attacker sends them.
func FuzzVerify(f *testing.F) {
	for _, claims := range fuzzClaims() {
		f.Add(signed(f, claims))
	}
	f.Add("")
	f.Add("..")
	f.Add(encode(`{"alg":"none"}`) + "." + encode(sample) + ".")
	f.Add(signed(f, sample) + "\n")
	v, m := verifier(f, token.Rules{}), minter(f, token.Rules{})
	f.Fuzz(func(t *testing.T, raw string) {
		neverLooser(t, v, m, raw)
		if part := strings.Split(raw, "."); len(part) == 3 {
			neverLooser(t, v, m, sign(part[0], part[1])) // what if the attacker were the login?
		}
	})
}

// FuzzClaims takes headers and claims, which it signs: tokens that only a login service could send.
// It tries each in every profile.
func FuzzClaims(f *testing.F) {
	for _, claims := range fuzzClaims() {
		f.Add(header, claims)
	}
	f.Add(`{"alg":"HS256","ALG":"none"}`, sample)
	f.Add(`{"alg":"HS256","jwk":{"kty":"oct","k":"AAAA"},"x":1e400}`, sample)
	type form struct {
		profile  *token.Profile
		verifier *token.Verifier
		minter   *token.Minter
	}
	var forms []form
	for _, c := range [][2]string{
		{"kalsel"}, {"flask-jwt-extended"}, {"simplejwt"}, {"sub"}, {"sub", "use=refresh"},
	} {
		rules := token.Rules{Profile: profile(f, c[0], c[1])}
		forms = append(forms, form{rules.Profile, verifier(f, rules), minter(f, rules)})
	}
	f.Fuzz(func(t *testing.T, header, claims string) {
		raw := sign(encode(header), encode(claims))
		for _, c := range forms {
			neverLooser(t, c.verifier, c.minter, raw)
			c.profile.Resembling([]byte(claims))
		}
	})
}

func fuzzClaims() []string {
	return []string{
		sample,
		with(`"type":1,"iat":1611000000,"nbf":1.611e9,"sid":"s","gen":2`),
		with(`"iss":"i","aud":["a","b"],"fresh":false`),
		with(`"roles":["a",{"b":[1,2.5e3]}],"\u0041":"\ud83d\ude00"`),
		with(`"Exp":1`),
		with(`"x":1e400`),
		with(`"iat":1611000061`),
		`{"identity":"a","exp":1611000000.5}`,
		`{"identity":"a","exp":0}`,
		`{"exp":9007199254740993,"identity":"a"}`,
		`{"exp":"1","identity":1}`,
		`{"exp":1611318219,"sub":42,"type":"refresh","fresh":1e9}`,
		`{"exp":1611318219,"user_id":"42","token_type":"refresh","type":0}`,
		`{"exp":1611318219,"sub":"a","use":"refresh","":1}`,
		`{"exp":1611318219,"sub":"a","identity":"a","type":0}`,
		`[]`,
	}
}
