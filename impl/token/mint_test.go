package token_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// fixed is randomness for golden files.
func fixed() *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{0xa5}, 1024)) }

// redeem verifies a refresh token and mints an access token of ten minutes from it.
func redeem(t testing.TB, rules token.Rules, raw string) (claims string, minted token.Minted) {
	got, err := verifier(t, rules).Refresh(raw, now())
	wantFault(t, got, err, nil)
	minted, err = minter(t, rules).WithRandom(fixed()).Access(got, token.Session{}, 10*time.Minute, now())
	must(t, minted, err)
	return decode(t, strings.Split(minted.Token, ".")[1]), minted
}

// golden compares with a file of testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if string(must(t, want, err)) != got {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func indent(t testing.TB, claims string) string {
	var out bytes.Buffer
	err := json.Indent(&out, []byte(claims), "", "  ")
	return must(t, out.String()+"\n", err)
}

func TestUsersSampleRedeemed(t *testing.T) {
	claims, minted := redeem(t, token.Rules{}, signed(t, sample))
	golden(t, "sample_access_token.json", indent(t, claims))
	if minted.Expires != now().Unix()+600 {
		t.Errorf("expires %d", minted.Expires)
	}
	got, err := verifier(t, token.Rules{}).Access(minted.Token, now())
	wantFault(t, got, err, nil)
	if got.Fresh || !got.Admin || got.Identity != "whois.muchlis@gmail.com" ||
		got.Expires != minted.Expires {
		t.Errorf("got %+v", got)
	}
}

func TestMintReplacesAndCarriesOver(t *testing.T) {
	raw := signed(
		t,
		`{"roles":["a", "b"],"sid":"old","exp":1611318219,"gen":7,"nbf":1,"identity":"\u0061\"","type":1,`+
			`"iat":1,"fresh":false,"big":12345678901234567890.10,"aud":["x", "y"],"iss":"i","is_admin":false,"":{ "z":1},"jti":"old"}`,
	)
	claims, _ := redeem(t, token.Rules{}, raw)
	golden(t, "carried_over.json", claims+"\n")
	claims, _ = redeem(t, token.Rules{Issuer: "i", Audience: "y"}, raw)
	golden(t, "carried_over_configured.json", claims+"\n")
}

func TestAccessTokenOfASession(t *testing.T) {
	got, err := verifier(t, token.Rules{}).Refresh(signed(t, sample), now())
	wantFault(t, got, err, nil)
	minted, err := minter(t, token.Rules{}).Access(got, token.Session{ID: "a \"session\""}, time.Minute, now())
	must(t, minted, err)
	access, err := verifier(t, token.Rules{}).Access(minted.Token, now())
	wantFault(t, access, err, nil)
	if access.Session != "a \"session\"" || access.Generation != 0 {
		t.Errorf("got %q %d", access.Session, access.Generation)
	}
}

// TestSessionClaims: a token that names its session has the start of it, and keeps the sid of the
// login under another name, from one generation to the next.
func TestSessionClaims(t *testing.T) {
	const ours = "3c6712e99170321fd6c08f8b9a8af6dbf295c1a807a0ae0b78567fe48b8188b2"
	m, v := minter(t, token.Rules{}), verifier(t, token.Rules{})
	next, err := v.Refresh(signed(t, `{"identity":"a","type":1,"exp":1800000999,"sid":"login's","gen":8,`+
		`"auth_time":5,"name":"A"}`), now())
	wantFault(t, next, err, nil)
	for generation := int64(1); generation < 4; generation++ {
		session := token.Session{ID: ours, Started: 1_800_000_000}
		minted, err := m.Access(next, session, time.Minute, now())
		must(t, minted, err)
		access, err := v.Access(minted.Token, now())
		wantFault(t, access, err, nil)
		const want = `"sid":"` + ours + `","identity":"a","auth_time":1800000000,` +
			`"login_sid":"login's","name":"A"}`
		if !strings.HasSuffix(access.Payload, want) {
			t.Errorf("generation %d: %s", generation, access.Payload)
		}
		minted, err = m.Refresh(next, token.Successor{
			Session:    ours,
			Started:    session.Started,
			Generation: generation,
			IssuedAt:   now().Unix(),
			Expires:    1_800_000_999,
		})
		must(t, minted, err)
		next, err = v.Refresh(minted.Token, now())
		wantFault(t, next, err, nil)
		if !next.Own || next.AuthTime != session.Started || !next.HasAuthTime {
			t.Errorf("generation %d: %s", generation, next.Payload)
		}
	}
	// Without a session to name, the claims of the login stay.
	login, err := v.Refresh(signed(t, `{"identity":"a","exp":1800000999,"auth_time":"x","login_sid":7}`), now())
	wantFault(t, login, err, nil)
	minted, err := m.Access(login, token.Session{}, time.Minute, now())
	must(t, minted, err)
	access, err := v.Access(minted.Token, now())
	wantFault(t, access, err, nil)
	if !strings.HasSuffix(access.Payload, `"auth_time":"x","login_sid":7}`) || access.HasAuthTime {
		t.Error(access.Payload)
	}
}

func TestTokenIDs(t *testing.T) {
	got, err := verifier(t, token.Rules{}).Refresh(signed(t, sample), now())
	wantFault(t, got, err, nil)
	m, seen := minter(t, token.Rules{}), map[string]bool{}
	for range 100 {
		minted, err := m.Access(got, token.Session{}, time.Minute, now())
		must(t, minted, err)
		access, err := verifier(t, token.Rules{}).Access(minted.Token, now())
		wantFault(t, access, err, nil)
		if len(access.ID) != 22 || seen[access.ID] {
			t.Fatalf("jti %q", access.ID)
		}
		seen[access.ID] = true
	}
	broken := m.WithRandom(iotest.ErrReader(errors.New("no entropy")))
	if minted, err := broken.Access(got, token.Session{}, time.Minute, now()); err == nil || minted.Token != "" {
		t.Errorf("minted without randomness: %v", err)
	}
}

// sessionID is the ID of some session.
const sessionID = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

func TestSuccessorIsReproducible(t *testing.T) {
	m := newMaterial(t)
	for _, key := range []*jwk.Key{
		newKey(t, "h", "HS256", []byte(secret)), newKey(t, "r", "RS256", m.rsa), newKey(t, "e", "EdDSA", m.ed),
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
				Session: sessionID, Generation: 2, IssuedAt: 1_610_000_000, Expires: 1_611_318_219, KeyID: key.ID(),
			}
			a, err := mint.Refresh(first, s)
			must(t, a, err)
			successor, err := v.Refresh(a.Token, now())
			wantFault(t, successor, err, nil)
			b, err := mint.Refresh(successor, s)
			if must(t, b, err) != a {
				t.Errorf("from the login's token %s\nfrom a successor %s", a.Token, b.Token)
			}
			if a.Expires != s.Expires || successor.Expires != s.Expires || successor.IssuedAt != s.IssuedAt || successor.ID != token.SuccessorID(sessionID, 2) ||
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

func TestNothingSignsWithoutAKey(t *testing.T) {
	m := newMaterial(t)
	mint := token.NewMinter(keySet(t, newKey(t, "public", "EdDSA", m.ed.Public())), token.Rules{})
	got, err := verifier(t, token.Rules{}).Refresh(signed(t, sample), now())
	wantFault(t, got, err, nil)
	_, access := mint.Access(got, token.Session{}, time.Minute, now())
	_, refresh := mint.Refresh(got, token.Successor{})
	_, issue := mint.Issue([]byte(sample), now())
	for name, err := range map[string]error{"access": access, "refresh": refresh, "issue": issue} {
		if !errors.Is(err, token.ErrNoSigningKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestCustomSessionOfALogin: sid and gen of a login are kept as they are written, unless the access
// token names a session of this service.
func TestCustomSessionOfALogin(t *testing.T) {
	got, err := verifier(
		t,
		token.Rules{},
	).Refresh(signed(t, with(`"gen":[1.50],"sid":{"a":"\u0062"}`)), now())
	wantFault(t, got, err, nil)
	for session, want := range map[string]string{
		"":     `"fresh":false,"sid":{"a":"\u0062"},"gen":[1.50],"identity"`,
		"ours": `"fresh":false,"sid":"ours","identity"`,
	} {
		minted, err := minter(t, token.Rules{}).Access(got, token.Session{ID: session}, time.Minute, now())
		must(t, minted, err)
		if claims := decode(t, strings.Split(minted.Token, ".")[1]); !strings.Contains(
			claims,
			want,
		) {
			t.Errorf("session %q: got %s, want %s", session, claims, want)
		}
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
		if _, accessErr := mint.Access(got, token.Session{ID: s.Session}, time.Hour, now()); accessErr != nil &&
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
	if _, err := minter(t, token.Rules{}).Access(got, token.Session{}, time.Hour, now()); !errors.Is(
		err,
		token.ErrTooLong,
	) {
		t.Errorf("an access token after %d bytes: %v", len(over), err)
	}
}
