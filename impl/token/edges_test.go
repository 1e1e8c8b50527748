package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/token"
)

// ofLength returns a good token of exactly so many bytes.
func ofLength(t *testing.T, length int) string {
	for padding := length*3/4 - 300; padding < length; padding++ {
		if raw := signed(t, with(`"x":"`+strings.Repeat("x", padding)+`"`)); len(raw) == length {
			return raw
		}
	}
	t.Fatal("no token has the length", length)
	return ""
}

func TestLongestToken(t *testing.T) {
	v := verifier(t, token.Rules{})
	got, err := v.Refresh(ofLength(t, token.MaxLength), now())
	wantFault(t, got, err, nil)
	got, err = v.Refresh(ofLength(t, token.MaxLength+3), now())
	wantFault(t, got, err, token.ErrMalformed)
	for length, want := range map[int]bool{token.MaxLength: false, token.MaxLength + 1: true} {
		_, err := v.Refresh(strings.Repeat("a", length), now())
		if err == nil || strings.Contains(err.Error(), "longer than") != want {
			t.Errorf("a text of %d bytes: got %v", length, err)
		}
	}
}

// TestLongestMintedToken: access tokens may be as long as is accepted; refresh tokens leave room
// for the other members of a request body, and the first one of a session for those that follow it.
func TestLongestMintedToken(t *testing.T) {
	v, m := verifier(t, token.Rules{}), minter(t, token.Rules{})
	successor := func(generation int64) func(*token.Token) (token.Minted, error) {
		return func(t *token.Token) (token.Minted, error) {
			return m.Refresh(t, token.Successor{
				Session: strings.Repeat(
					"a",
					64,
				), Generation: generation, IssuedAt: now().Unix(), Expires: 9_999_999_999,
			})
		}
	}
	for name, c := range map[string]struct {
		mint func(*token.Token) (token.Minted, error)
		most int
	}{
		"access": {func(t *token.Token) (token.Minted, error) {
			return m.Access(t, token.Session{}, time.Hour, now())
		}, token.MaxLength},
		"first": {successor(1), token.MaxLength - 2048},
		"later": {successor(2), token.MaxLength - 64},
	} {
		longest, over := 0, 0
		for padding := c.most*3/4 - 500; over < 10; padding++ {
			got, err := v.Refresh(signed(t, with(`"x":"`+strings.Repeat("x", padding)+`"`)), now())
			wantFault(t, got, err, nil)
			minted, err := c.mint(got)
			if errors.Is(err, token.ErrTooLong) {
				over++
				continue
			}
			must(t, minted, err)
			longest = len(minted.Token)
		}
		if longest != c.most {
			t.Errorf("%s: the longest has %d bytes, want %d", name, longest, c.most)
		}
	}
}

// TestNothingIsLeftOfAnotherToken: a reader is reused after a token whose header was rejected
// halfway. Its alg is not taken for that of a token that has none.
func TestNothingIsLeftOfAnotherToken(t *testing.T) {
	v := verifier(t, token.Rules{})
	for range 100 { // a pool need not give back what was put into it
		got, err := v.Refresh(withHeader(t, `{"alg":"HS256","kid":1}`, sample), now())
		wantFault(t, got, err, token.ErrMalformed)
		got, err = v.Refresh(sign("", encode(sample)), now())
		wantFault(t, got, err, token.ErrMalformed)
	}
}

// TestLineBreaksAreNoSecondSpelling: Go's decoder of base64 skips them, and the login may even have
// signed them.
func TestLineBreaksAreNoSecondSpelling(t *testing.T) {
	v := verifier(t, token.Rules{})
	for _, lineBreak := range []string{"\r", "\n"} {
		for name, raw := range map[string]string{
			"in front": sign(lineBreak+encode(header), encode(sample)),
			"inside":   sign(encode(header)+lineBreak, encode(sample)),
			"claims":   sign(encode(header), encode(sample)+lineBreak),
		} {
			t.Run(name, func(t *testing.T) {
				got, err := v.Refresh(raw, now())
				wantFault(t, got, err, token.ErrMalformed)
			})
		}
	}
}

// TestUnknownKeyTellsWhichOne: so that the server can look for it.
func TestUnknownKeyTellsWhichOne(t *testing.T) {
	v := token.NewVerifier(keySet(t, newKey(t, "main", "HS256", []byte(secret))), token.Rules{})
	for header, want := range map[string]token.Rejection{
		`{"alg":"HS256","kid":"other"}`: {
			Fault:     token.ErrUnknownKey,
			Cause:     "the kid in its header names no key of this server",
			KeyID:     "other",
			Algorithm: "HS256",
		},
		`{"alg":"RS256"}`: {
			Fault:     token.ErrUnknownKey,
			Cause:     "its header has no kid, and no key of this server is for such tokens",
			Algorithm: "RS256",
		},
	} {
		_, err := v.Refresh(withHeader(t, header, sample), now())
		if got, ok := errors.AsType[*token.Rejection](err); !ok || *got != want {
			t.Errorf("%s: got %+v, want %+v", header, got, want)
		}
	}
}

// TestCausesOfConfiguredRules: a cause tells a missing claim from a wrong one.
func TestCausesOfConfiguredRules(t *testing.T) {
	m := newMaterial(t)
	set, err := secretKeys(t).WithIssuer(newKey(t, "theirs", "EdDSA", m.ed.Public()))
	must(t, set, err)
	theirs := forge(
		t,
		jwt.SigningMethodEdDSA,
		m.ed,
		`{"alg":"EdDSA","kid":"theirs"}`,
		with(`"iss":"them"`),
	)
	for _, c := range []struct {
		rules     token.Rules
		raw, want string
	}{
		{token.Rules{Issuer: "i"}, signed(t, sample),
			"issuer is not accepted: the claim iss is missing"},
		{token.Rules{Issuer: "i"}, signed(t, with(`"iss":""`)),
			"issuer is not accepted: the claim iss is not the configured issuer"},
		{token.Rules{}, theirs,
			"issuer is not accepted: this server has no configured issuer for the key that signed it"},
		{token.Rules{Audience: "a"}, signed(t, sample),
			"audience is not accepted: the claim aud does not contain the configured audience"},
		{token.Rules{RequireType: true}, signed(t, sample),
			"token is not a refresh token: the claim type is missing, and this server requires it"},
	} {
		if _, err := token.NewVerifier(set, c.rules).Refresh(c.raw, now()); err == nil ||
			err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
}

func TestEarlyRetry(t *testing.T) {
	for missing, want := range map[time.Duration]time.Duration{
		time.Second: time.Second, time.Minute: time.Minute, 61 * time.Second: time.Minute,
	} {
		if got := (&token.Early{Missing: missing}).RetryAfter(); got != want {
			t.Errorf("%s: got %s", missing, got)
		}
	}
}

// TestFarFuture: in the year 8307 too, seconds are no milliseconds while a token is valid.
func TestFarFuture(t *testing.T) {
	at := time.Unix(200_000_000_000, 0)
	got, err := verifier(
		t,
		token.Rules{},
	).Refresh(signed(t, `{"identity":"me","iat":200000000060,"exp":200000000100}`), at)
	wantFault(t, got, err, nil)
}
