package token_test

import (
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// profile returns the profile of this name with the refresh claim, if that is not empty.
func profile(t testing.TB, name, refreshClaim string) *token.Profile {
	t.Helper()
	p, err := token.NewProfile(name)
	must(t, p, err)
	if refreshClaim != "" {
		p, err = p.WithRefreshClaim(refreshClaim)
		must(t, p, err)
	}
	return p
}

func TestIdentitiesOfProfiles(t *testing.T) {
	for raw, want := range map[string]string{
		`42`:                             "42",
		`"42"`:                           "42",
		`0`:                              "0",
		`-7`:                             "-7",
		`"ana"`:                          "ana",
		`"\u0061"`:                       "a",
		`123456789012345678901234567890`: "123456789012345678901234567890",
		`42.0`:                           "",
		`4e1`:                            "",
		`-0`:                             "",
		`4E1`:                            "",
		`true`:                           "",
		`null`:                           "",
		`[1]`:                            "",
		`{"a":1}`:                        "",
		`"a\u0000"`:                      "",
	} {
		for _, name := range []string{"flask-jwt-extended", "simplejwt", "sub"} {
			p := profile(t, name, "")
			claims := `{"exp":1611318219,"` + p.Kind + `":"refresh","` + p.Identity + `":` + raw +
				`}`
			got, err := verifier(t, token.Rules{Profile: p}).Refresh(signed(t, claims), now())
			if want == "" {
				wantFault(t, got, err, token.ErrMalformed)
				continue
			}
			wantFault(t, got, err, nil)
			if got.Identity != want {
				t.Errorf("%s: %s is the identity %q", name, raw, got.Identity)
			}
		}
	}
}

// TestWhoseKindOfToken tries each kind of token as the other one, in every profile.
func TestKindsOfProfiles(t *testing.T) {
	base := func(identity string) string { return `{"exp":1611318219,` + identity + `,` }
	type kinds struct {
		name               string
		profile, claim     string
		members            string // with the identity
		asRefresh, asOther error
	}
	sub, user := base(`"sub":"a"`), base(`"user_id":1`)
	bad, no, not := token.ErrMalformed, token.ErrNotRefresh, token.ErrNotAccess
	for _, c := range []kinds{
		{"refresh", "flask-jwt-extended", "", sub + `"type":"refresh"}`, nil, not},
		{"access", "flask-jwt-extended", "", sub + `"type":"access"}`, no, nil},
		{"no type", "flask-jwt-extended", "", sub + `"x":1}`, no, not},
		{"another type", "flask-jwt-extended", "", sub + `"type":"id"}`, no, not},
		{"type 1", "flask-jwt-extended", "", sub + `"type":1}`, bad, bad},
		{"type 0", "flask-jwt-extended", "", sub + `"type":0}`, bad, bad},
		{"type null", "flask-jwt-extended", "", sub + `"type":null}`, bad, bad},
		{"fresh", "flask-jwt-extended", "", sub + `"type":"refresh","fresh":true}`, no, not},
		{"fresh until", "flask-jwt-extended", "", sub + `"type":"refresh","fresh":9e9}`, no, not},
		{"identity of kalsel", "flask-jwt-extended", "",
			base(`"identity":"a"`) + `"type":"refresh"}`,
			token.ErrNoIdentity, not},
		{"another case", "flask-jwt-extended", "", sub + `"type":"refresh","Sub":"b"}`, bad, bad},

		{"refresh", "simplejwt", "", user + `"token_type":"refresh"}`, nil, not},
		{"access", "simplejwt", "", user + `"token_type":"access"}`, no, nil},
		{"sliding", "simplejwt", "", user + `"token_type":"sliding"}`, no, not},
		{"no type", "simplejwt", "", user + `"type":"refresh"}`, no, not},
		{"type 1", "simplejwt", "", user + `"token_type":1}`, bad, bad},
		{"another case", "simplejwt", "", user + `"token_type":"refresh","Token_Type":""}`, bad,
			bad},

		{"no type", "sub", "", sub + `"x":1}`, nil, not},
		{"type 0", "sub", "", sub + `"type":0}`, no, nil},
		{"type 1", "sub", "", sub + `"type":1}`, nil, not},
		{"fresh", "sub", "", sub + `"fresh":true}`, no, not},
		{"bound", "sub", "", sub + `"cnf":{}}`, token.ErrBound, token.ErrBound},
		{"the claim", "sub", "use=refresh", sub + `"use":"refresh"}`, nil, not},
		{"the claim and type 0", "sub", "use=refresh", sub + `"use":"refresh","type":0}`, no, not},
		{"no claim", "sub", "use=refresh", sub + `"x":1}`, no, nil},
		{"another value", "sub", "use=refresh", sub + `"use":"access"}`, no, nil},
		{"another type of value", "sub", "use=1", sub + `"use":"1"}`, no, nil},
		{"a number", "sub", "use=1", sub + `"use":1}`, nil, not},
		{"true", "sub", "refresh=true", sub + `"refresh":true}`, nil, not},
		{"a text of digits", "sub", `use="1"`, sub + `"use":"1"}`, nil, not},
		{"the claim in another case", "sub", "use=refresh", sub + `"Use":"refresh"}`, bad, bad},
		{"type as the claim", "sub", "type=refresh", sub + `"type":"refresh"}`, nil, not},
		{"type as the claim, absent", "sub", "type=refresh", sub + `"x":1}`, no, nil},
		{"type as the claim, other", "sub", "type=refresh", sub + `"type":"access"}`, no, nil},
	} {
		t.Run(c.profile+" "+c.claim+"/"+c.name, func(t *testing.T) {
			v := verifier(t, token.Rules{Profile: profile(t, c.profile, c.claim)})
			got, err := v.Refresh(signed(t, c.members), now())
			wantFault(t, got, err, c.asRefresh)
			got, err = v.Access(signed(t, c.members), now())
			wantFault(t, got, err, c.asOther)
		})
	}
}

// TestMissingRefreshClaim: the error tells a number from a text.
func TestMissingRefreshClaim(t *testing.T) {
	for claim, want := range map[string]string{
		"level=0":       "the claim level must be the number 0",
		"level=9":       "the claim level must be the number 9",
		"level=-1":      "the claim level must be the number -1",
		"level=true":    "the claim level must be true",
		"level=refresh": `the claim level must be "refresh"`,
		`level="9"`:     `the claim level must be "9"`,
	} {
		v := verifier(t, token.Rules{Profile: profile(t, "sub", claim)})
		_, err := v.Refresh(signed(t, `{"exp":1611318219,"sub":"a"}`), now())
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", claim, err, want)
		}
	}
}

// TestFreshUntil: Flask-JWT-Extended writes the end of a token's freshness, in Unix seconds.
func TestFreshUntil(t *testing.T) {
	v := verifier(t, token.Rules{Profile: profile(t, "flask-jwt-extended", "")})
	for value, want := range map[string]bool{
		"true": true, "false": false, "1611000000.5": true, "1610999999.9": false, "0": false,
	} {
		claims := `{"exp":1611318219,"sub":"a","type":"access","fresh":` + value + `}`
		got, err := v.Access(signed(t, claims), now())
		wantFault(t, got, err, nil)
		if got.Fresh != want {
			t.Errorf("fresh %s: %v", value, got.Fresh)
		}
	}
}

// TestTwoSecrets: each secret verifies and signs its own kind of token only.
func TestTwoSecrets(t *testing.T) {
	access, err := jwk.SecretSet([]byte(strings.Repeat("another ", 5)), false)
	keys := secretKeys(t).WithAccess(must(t, access, err))
	rules := token.Rules{Profile: profile(t, "sub", "")}
	v, m := token.NewVerifier(keys, rules), token.NewMinter(keys, rules)
	const claims = `{"sub":"a","exp":1611318219}`
	ofAccess, err := token.NewMinter(access, rules).Issue([]byte(claims), now())
	must(t, ofAccess, err)
	ofRefresh := signed(t, claims)

	first, err := v.Refresh(ofRefresh, now())
	wantFault(t, first, err, nil)
	_, err = v.Refresh(ofAccess, now())
	wantFault(t, nil, err, token.ErrSignature)
	own, err := v.Access(ofAccess, now()) // the login's own access token, without any mark
	wantFault(t, own, err, nil)
	_, err = v.Access(ofRefresh, now())
	wantFault(t, nil, err, token.ErrSignature)

	// A profile with a claim for the kind of token requires it of access tokens too.
	kalsel := token.NewVerifier(keys, token.Rules{})
	_, err = kalsel.Access(ofAccess, now())
	wantFault(t, nil, err, token.ErrNotAccess)

	minted, err := m.Access(first, token.Session{}, time.Minute, now())
	must(t, minted, err)
	got, err := token.NewVerifier(access, rules).Access(minted.Token, now())
	wantFault(t, got, err, nil)
	next, err := m.Refresh(first, token.Successor{
		Session: sessionID, Generation: 1, IssuedAt: now().Unix(), Expires: 1_611_318_219,
	})
	must(t, next, err)
	got, err = v.Refresh(next.Token, now())
	wantFault(t, got, err, nil)
}

func TestIdentityClaim(t *testing.T) {
	p, err := profile(t, "sub", "").WithIdentity("userId")
	must(t, p, err)
	v := verifier(t, token.Rules{Profile: p})
	for claims, want := range map[string]error{
		`{"exp":1611318219,"userId":7,"sub":{"a":1}}`:        nil,
		`{"exp":1611318219,"userid":7}`:                      token.ErrMalformed,
		`{"exp":1611318219,"userId":7,"USERID":8}`:           token.ErrMalformed,
		`{"exp":1611318219,"userId":7,"u\u017fer\u0069d":8}`: token.ErrMalformed,
		`{"exp":1611318219,"sub":"7"}`:                       token.ErrNoIdentity,
	} {
		got, err := v.Refresh(signed(t, claims), now())
		wantFault(t, got, err, want)
	}
	for _, claim := range []string{"exp", "JTI", "type", "sid", "is_admin", "scope", "client_id"} {
		if _, err := profile(t, "sub", "").WithIdentity(claim); err == nil {
			t.Errorf("%s is accepted as the claim with the identity", claim)
		}
	}
	if _, err := profile(t, "simplejwt", "").WithIdentity("token_type"); err == nil {
		t.Error("the claim of the kind is accepted as the claim with the identity")
	}
}

func TestInvalidProfiles(t *testing.T) {
	for _, name := range []string{"", "Kalsel", "flask", "sub "} {
		if _, err := token.NewProfile(name); err == nil {
			t.Errorf("there is a profile %q", name)
		}
	}
	for _, pair := range []string{
		"", "use", "=x", "use=", "use={}", "use=[1]", "use=null", "exp=1", "sub=a", "SUB=a",
		"type=0",
	} {
		if _, err := profile(t, "sub", "").WithRefreshClaim(pair); err == nil {
			t.Errorf("the refresh claim %q is accepted", pair)
		}
	}
	for _, name := range token.ProfileNames()[:3] {
		if _, err := profile(t, name, "").WithRefreshClaim("use=refresh"); err == nil {
			t.Errorf("the profile %s accepts a refresh claim", name)
		}
	}
}
