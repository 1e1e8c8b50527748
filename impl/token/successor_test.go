package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// sessionID is the ID of some session.
const sessionID = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestSuccessorIsReproducible(t *testing.T) {
	m := newMaterial(t)
	for _, key := range []*jwk.Key{
		newKey(t, "h", "HS256", []byte(secret)), newKey(t, "r", "RS256", m.rsa),
		newKey(t, "e", "EdDSA", m.ed),
	} {
		t.Run(key.Algorithm(), func(t *testing.T) {
			keys := keySet(t, key)
			v, mint := token.NewVerifier(
				keys,
				token.Rules{Audience: "y"},
			), token.NewMinter(
				keys,
				token.Rules{Audience: "y"},
			)
			raw, err := mint.Issue(
				[]byte(
					`{ "x" : [1, 2] ,"identity":"\u0061","aud":["x","y"],"iss":"i","exp":1611318219,"is_admin":true,"y":"\u0062"}`,
				),
				now(),
			)
			must(t, raw, err)
			first, err := v.Refresh(raw, now())
			wantFault(t, first, err, nil)
			s := token.Successor{
				Session:    sessionID,
				Generation: 2,
				IssuedAt:   1_610_000_000,
				Expires:    1_611_318_219,
				KeyID:      key.ID(),
			}
			a, err := mint.Refresh(first, s)
			must(t, a, err)
			successor, err := v.Refresh(a.Token, now())
			wantFault(t, successor, err, nil)
			b, err := mint.Refresh(successor, s)
			if must(t, b, err) != a {
				t.Errorf("from the login's token %s\nfrom a successor %s", a.Token, b.Token)
			}
			if a.Expires != s.Expires || successor.Expires != s.Expires ||
				successor.IssuedAt != s.IssuedAt ||
				successor.ID != token.SuccessorID(sessionID, 2) ||
				successor.Session != sessionID ||
				successor.Generation != 2 ||
				!strings.Contains(successor.Payload, `"type":1,`) ||
				!successor.Own {
				t.Errorf("got %+v", successor)
			}
		})
	}
}

func TestSuccessorKey(t *testing.T) {
	m := newMaterial(t)
	unix := now().Unix()
	old, active := timed(t, "old", 0, unix+100), timed(t, "active", 0, 0)
	got, err := verifier(t, token.Rules{}).Refresh(signed(t, sample), now())
	wantFault(t, got, err, nil)
	keyOf := func(keys *jwk.Set, s token.Successor) string {
		t.Helper()
		minted, err := token.NewMinter(keys, token.Rules{}).Refresh(got, s)
		must(t, minted, err)
		parsed, _, err := jwt.NewParser().ParseUnverified(minted.Token, jwt.MapClaims{})
		return must(t, parsed, err).Header["kid"].(string)
	}
	set := keySet(t, active, old, newKey(t, "public", "EdDSA", m.ed.Public()))
	s := token.Successor{Session: sessionID, Generation: 1, IssuedAt: unix, Expires: unix + 1000}
	for _, c := range []struct {
		name, keyID string
		now         int64
		want        string
	}{
		{"the key of the first time", "old", 0, "old"},
		{"a key that is gone", "removed", 0, "active"},
		{"a key that verifies only", "public", 0, "active"},
		{"a key that has expired since", "old", unix + 100, "active"},
		{"none given", "", 0, "active"},
	} {
		s.KeyID, s.Now = c.keyID, c.now
		if id := keyOf(set, s); id != c.want {
			t.Errorf("%s: got %q, want %q", c.name, id, c.want)
		}
	}
	mint := token.NewMinter(keySet(t, newKey(t, "e", "ES256", m.p256)), token.Rules{})
	if _, err := mint.Refresh(got, s); !errors.Is(err, token.ErrNotReproducible) {
		t.Errorf("ES256: %v", err)
	}
}

// TestNoTokenIsTooLong: whatever the length of the login's token, a token that is handed out is
// accepted when it comes back in a request body, and so are all that follow it, also after the keys
// rolled over.
func TestNoTokenIsTooLong(t *testing.T) {
	m := newMaterial(t)
	short, long := newKey(
		t,
		"s",
		"HS256",
		[]byte(secret),
	), newKey(
		t,
		strings.Repeat("l", 64),
		"RS256",
		m.rsa,
	)
	keys := keySet(t, short, long)
	v, mint := token.NewVerifier(keys, token.Rules{}), token.NewMinter(keys, token.Rules{})
	refused := 0
	for padding := 9_000; padding < 13_000; padding += 50 {
		claims := with(`"x":"` + strings.Repeat("x", padding) + `"`)
		raw := forge(t, jwt.SigningMethodHS256, []byte(secret), `{"alg":"HS256","kid":"s"}`, claims)
		if len(raw) > token.MaxLength {
			break
		}
		got, err := v.Refresh(raw, now())
		wantFault(t, got, err, nil)
		s := token.Successor{
			Session: strings.Repeat(
				"a",
				64,
			), Generation: 1, IssuedAt: now().Unix(), Expires: 9_999_999_999,
		}
		first, err := mint.Refresh(got, s)
		if _, accessErr := mint.Access(got, token.Session{ID: s.Session}, time.Hour,
			now()); accessErr != nil &&
			err == nil {
			t.Fatalf("%d bytes: a refresh token without an access token: %v", len(raw), accessErr)
		}
		if errors.Is(err, token.ErrTooLong) {
			refused++
			continue
		}
		must(t, first, err)
		s.Generation, s.KeyID = 1<<62, long.ID()
		last, err := mint.Refresh(got, s)
		must(t, last, err)
		for _, minted := range []token.Minted{first, last} {
			if body := `{"refresh_token":"` + minted.Token + `","limit":10080}`; len(
				body,
			) > 16<<10 {
				t.Fatalf("%d bytes: a body of %d bytes is refused", len(raw), len(body))
			}
			if _, err := v.Refresh(minted.Token, now()); err != nil {
				t.Fatalf("%d bytes: %v", len(raw), err)
			}
		}
	}
	if refused == 0 {
		t.Error("no token was too long")
	}
	over := signed(t, with(`"x":"`+strings.Repeat("x", 12_100)+`"`))
	got, err := verifier(t, token.Rules{}).Refresh(over, now())
	wantFault(t, got, err, nil)
	if _, err := minter(t,
		token.Rules{}).Access(got, token.Session{}, time.Hour, now()); !errors.Is(
		err,
		token.ErrTooLong,
	) {
		t.Errorf("an access token after %d bytes: %v", len(over), err)
	}
}
