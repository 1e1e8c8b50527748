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

	"kalsel.dev/refresh/impl/token"
)

// fixed is randomness for golden files.
func fixed() *bytes.Reader { return bytes.NewReader(bytes.Repeat([]byte{0xa5}, 1024)) }

// redeem verifies a refresh token and mints an access token of ten minutes from it.
func redeem(t testing.TB, rules token.Rules, raw string) (claims string, minted token.Minted) {
	got, err := verifier(t, rules).Refresh(raw, now())
	wantFault(t, got, err, nil)
	minted, err = minter(t,
		rules).WithRandom(fixed()).Access(got, token.Session{}, 10*time.Minute, now())
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
	minted, err := minter(t,
		token.Rules{}).Access(got, token.Session{ID: "a \"session\""}, time.Minute, now())
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
	login, err := v.Refresh(
		signed(t, `{"identity":"a","exp":1800000999,"auth_time":"x","login_sid":7}`), now())
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
	if minted, err := broken.Access(got, token.Session{}, time.Minute, now()); err == nil ||
		minted.Token != "" {
		t.Errorf("minted without randomness: %v", err)
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
		minted, err := minter(t,
			token.Rules{}).Access(got, token.Session{ID: session}, time.Minute, now())
		must(t, minted, err)
		if claims := decode(t, strings.Split(minted.Token, ".")[1]); !strings.Contains(
			claims,
			want,
		) {
			t.Errorf("session %q: got %s, want %s", session, claims, want)
		}
	}
}
