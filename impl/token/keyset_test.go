package token_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

func timed(t testing.TB, id string, notBefore, expires int64) *jwk.Key {
	key, err := jwk.NewKey(jwk.Spec{
		ID:        id,
		Algorithm: "HS256",
		Material:  []byte(strings.Repeat(id, 32)),
		NotBefore: notBefore,
		Expires:   expires,
	})
	return must(t, key, err)
}

// signedBy is a sample token of a key that timed made.
func signedBy(t testing.TB, id string) string {
	return forge(
		t,
		jwt.SigningMethodHS256,
		[]byte(strings.Repeat(id, 32)),
		`{"alg":"HS256","kid":"`+id+`"}`,
		sample,
	)
}

func TestKeysVerifyUntilTheyExpire(t *testing.T) {
	unix := now().Unix()
	v := token.NewVerifier(
		keySet(
			t,
			timed(t, "future", unix+3600, 0),
			timed(t, "past", 0, unix),
			timed(t, "last", 0, unix+1),
		),
		token.Rules{},
	)
	runAttacks(t, v, []attack{
		{"a key that does not sign yet", signedBy(t, "future"), nil},
		{"a key in its last second", signedBy(t, "last"), nil},
		{"a key that has expired", signedBy(t, "past"), token.ErrUnknownKey},
	})
}

func TestTokensWithoutKeyID(t *testing.T) {
	marked := newKey(t, "", "HS256", []byte(secret))
	v := token.NewVerifier(keySet(t, timed(t, "a", 0, 0), marked), token.Rules{})
	none := forge(t, jwt.SigningMethodHS256, []byte(strings.Repeat("a", 32)), header, sample)
	runAttacks(t, v, []attack{
		{"the marked key", signed(t, sample), nil},
		{"another key of the set is not tried", none, token.ErrSignature},
		{
			"a kid that is unknown",
			withHeader(t, `{"alg":"HS256","kid":"b"}`, sample),
			token.ErrUnknownKey,
		},
	})
}

func TestIssuerKeys(t *testing.T) {
	m := newMaterial(t)
	issuer := []*jwk.Key{
		newKey(t, "theirs", "EdDSA", m.ed.Public()),
		newKey(t, "a", "EdDSA", m.ed.Public()),
	}
	local := keySet(t, timed(t, "a", 0, 0))
	set, err := local.WithIssuer(issuer...)
	must(t, set, err)
	theirs := func(kid, iss string) string {
		return forge(
			t,
			jwt.SigningMethodEdDSA,
			m.ed,
			`{"alg":"EdDSA","kid":"`+kid+`"}`,
			with(`"iss":"`+iss+`"`),
		)
	}
	t.Run("with an issuer", func(t *testing.T) {
		runAttacks(t, token.NewVerifier(set, token.Rules{Issuer: "them"}), []attack{
			{"their token", theirs("theirs", "them"), nil},
			{"their token for another issuer", theirs("theirs", "us"), token.ErrIssuer},
			{"a local kid is not theirs", theirs("a", "them"), token.ErrAlgorithm},
		})
	})
	t.Run("without an issuer", func(t *testing.T) {
		runAttacks(t, token.NewVerifier(set, token.Rules{}), []attack{
			{"their token", theirs("theirs", "them"), token.ErrIssuer},
			{"our token", signedBy(t, "a"), nil},
		})
	})
	got, err := token.NewVerifier(set, token.Rules{Issuer: "them"}).
		Refresh(theirs("theirs", "them"), now())
	wantFault(t, got, err, nil)
	if got.IssuerKey == "" || got.KeyID != "theirs" {
		t.Errorf("issuer's key %q, key %q", got.IssuerKey, got.KeyID)
	}
	if _, err := token.NewVerifier(local,
		token.Rules{Issuer: "them"}).Refresh(theirs("theirs", "them"), now()); !errors.Is(
		err,
		token.ErrUnknownKey,
	) {
		t.Errorf("the set that was extended has changed: %v", err)
	}
}

func TestIssuerKeysBesideAPlainSecret(t *testing.T) {
	m := newMaterial(t)
	set, err := secretKeys(t).WithIssuer(newKey(t, "theirs", "EdDSA", m.ed.Public()))
	v := token.NewVerifier(must(t, set, err), token.Rules{Issuer: "them"})
	claims := with(`"iss":"them"`)
	runAttacks(t, v, []attack{
		{
			"their token",
			forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"EdDSA","kid":"theirs"}`, claims),
			nil,
		},
		{
			"ours, with a kid that is ignored",
			withHeader(t, `{"alg":"HS256","kid":"x"}`, claims),
			nil,
		},
		{
			"their kid, our secret",
			withHeader(t, `{"alg":"HS256","kid":"theirs"}`, claims),
			token.ErrAlgorithm,
		},
	})
}

// TestOwn: a token is ours by sid, gen and jti, whatever became of the key that signed it.
func TestOwn(t *testing.T) {
	m := newMaterial(t)
	sign := func(claims string) string {
		return forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"EdDSA","kid":"key"}`, claims)
	}
	claims := func(sid, gen, jti string) string {
		return `{"identity":"a","exp":9999999999,"iss":"them","sid":"` + sid + `","gen":` + gen +
			`,"jti":"` + jti + `"}`
	}
	jti := token.SuccessorID(sessionID, 3)
	issuers, err := secretKeys(t).WithIssuer(newKey(t, "key", "EdDSA", m.ed.Public()))
	must(t, issuers, err)
	for name, keys := range map[string]*jwk.Set{
		"a key that signs":    keySet(t, newKey(t, "key", "EdDSA", m.ed)),
		"a key that verifies": keySet(t, newKey(t, "key", "EdDSA", m.ed.Public())),
		"an issuer's key":     issuers,
	} {
		v := token.NewVerifier(keys, token.Rules{Issuer: "them"})
		for _, c := range []struct {
			name, sid, gen, jti string
			own                 bool
		}{
			{"ours", sessionID, "3", jti, true},
			{"another generation", sessionID, "2", jti, false},
			{"another session", "1" + sessionID[1:], "3", jti, false},
			{"another jti", sessionID, "3", "a login's", false},
			{"no jti", sessionID, "3", "", false},
			{"no generation and no jti", sessionID, "0", "", false},
			{"a sid in upper case", strings.ToUpper(sessionID), "3", jti, false},
			{"a sid of the login's", "42", "3", jti, false},
		} {
			got, err := v.Refresh(sign(claims(c.sid, c.gen, c.jti)), now())
			wantFault(t, got, err, nil)
			if got.Own != c.own || (got.IssuerKey != "") != (keys == issuers) {
				t.Errorf("%s, %s: own %v, issuer's key %q", name, c.name, got.Own, got.IssuerKey)
			}
		}
	}
}

// TestUnknownKeyBesideASecret: with a plain secret a kid is ignored, but not one that can only be
// an issuer's.
func TestUnknownKeyBesideASecret(t *testing.T) {
	m := newMaterial(t)
	alone := secretKeys(t)
	waiting, err := alone.WithIssuer()
	must(t, waiting, err)
	theirs := forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"EdDSA","kid":"theirs"}`, sample)
	nameless := forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"EdDSA"}`, sample)
	ours := withHeader(t, `{"alg":"HS256","kid":"any"}`, sample)
	runAttacks(t, token.NewVerifier(alone, token.Rules{}), []attack{
		{"alone, theirs", theirs, token.ErrAlgorithm}, {"alone, ours", ours, nil},
	})
	runAttacks(t, token.NewVerifier(waiting, token.Rules{}), []attack{
		{
			"waiting, theirs",
			theirs,
			token.ErrUnknownKey,
		}, {"waiting, ours", ours, nil}, {"waiting, no kid", nameless, token.ErrAlgorithm},
	})
}
