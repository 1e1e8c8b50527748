package token_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// replaced returns the custom end of the access token that is minted after Replace.
func replaced(
	t *testing.T, p *token.Profile, refresh, claims string,
) (access string, ignored []string, err error) {
	t.Helper()
	rules := token.Rules{Profile: p}
	got, err := verifier(t, rules).Refresh(signed(t, refresh), now())
	wantFault(t, got, err, nil)
	changed, ignored, err := p.Replace(got, []byte(claims))
	if err != nil {
		return "", nil, err
	}
	minted, err := minter(t,
		rules).WithRandom(fixed()).Access(changed, token.Session{}, 10*time.Minute, now())
	must(t, minted, err)
	again, err := verifier(t, rules).Access(minted.Token, now())
	wantFault(t, again, err, nil)
	return decode(t, strings.Split(minted.Token, ".")[1]), ignored, nil
}

func TestReplace(t *testing.T) {
	const (
		times  = `{"exp":1611000600,"iat":1611000000,"jti":"paWlpaWlpaWlpaWlpaWlpQ",`
		kalsel = `{"exp":1611318219,"iat":1610999000,"jti":"a","type":1,"identity":"ana","is_admin":true,` +
			`"iss":"i","aud":["x"],"sid":"s","gen":3,"scope":"read","client_id":"web","azp":"w",` +
			`"auth_time":7,"login_sid":"l","acr":"1","amr":["pwd"],"name":"Ana","role":"old"}`
		kept = `"auth_time":7,"login_sid":"l","scope":"read","client_id":"web","azp":"w",` +
			`"acr":"1","amr":["pwd"]`
		head = times + `"type":0,"fresh":false,"sid":"s","gen":3,"iss":"i","aud":["x"],"identity":"ana"`
	)
	for _, c := range []struct {
		name, profile, mark, refresh, claims, want string
		ignored                                    []string
	}{
		{
			"the claims replace the others", "kalsel", "", kalsel,
			`{"role":"new","price":2.50, "deep":{ "a":[1] },"is_admin":false}`,
			head + `,"is_admin":false,` + kept + `,"role":"new","price":2.50,"deep":{ "a":[1] }}`,
			nil,
		},
		{"absent claims are gone", "kalsel", "", kalsel, `{}`, head + `,` + kept + `}`, nil},
		{
			"an echo is no attempt", "kalsel", "", kalsel, kalsel,
			head + `,"is_admin":true,` + kept + `,"name":"Ana","role":"old"}`, nil,
		},
		{
			"claims of the login and of this service", "kalsel", "", kalsel,
			`{"exp":1,"iat":1,"nbf":1,"jti":"b","type":1,"fresh":true,"sid":"x","gen":9,"iss":"e",` +
				`"aud":"e","cnf":{},"client_id":"e","azp":"e","scope":"all","auth_time":1,` +
				`"login_sid":"e","acr":"9","amr":[],"identity":"eve","x":1}`,
			head + `,` + kept + `,"x":1}`,
			[]string{
				"exp", "iat", "nbf", "jti", "fresh", "sid", "gen", "iss", "aud", "cnf", "client_id",
				"azp", "scope", "auth_time", "login_sid", "acr", "amr", "identity",
			},
		},
		{
			"kept claims that the token lacks", "kalsel", "", `{"exp":1611318219,"identity":"ana"}`,
			`{"nbf":1,"sid":"x","gen":9,"iss":"e","aud":"e","cnf":{},"client_id":"e","azp":"e",` +
				`"scope":"all","auth_time":1,"login_sid":"e","acr":"9","amr":[],"x":1}`,
			times + `"type":0,"fresh":false,"identity":"ana","x":1}`,
			[]string{
				"nbf", "sid", "gen", "iss", "aud", "cnf", "client_id", "azp", "scope", "auth_time",
				"login_sid", "acr", "amr",
			},
		},
		{
			"SimpleJWT", "simplejwt", "",
			`{"token_type":"refresh","exp":1611318219,"user_id":42,"type":[1],"identity":"free"}`,
			`{"token_type":"access","user_id":43,"type":0,"identity":"new"}`,
			times + `"token_type":"access","user_id":42,"type":[1],"identity":"new"}`,
			[]string{"token_type", "user_id", "type"},
		},
		{
			"the claim of refresh tokens", "sub", "use=refresh",
			`{"sub":1,"use":"refresh","exp":1611318219,"x":1}`,
			`{"sub":1,"use":"refresh","y":2}`,
			times + `"type":0,"fresh":false,"sub":1,"y":2}`, nil,
		},
		{
			"escaped names", "kalsel", "", `{"exp":1611318219,"identity":"a","\u0073cope":"read"}`,
			`{"scop\u0065":"all","\u00fc":"<&>"}`,
			times + `"type":0,"fresh":false,"identity":"a","\u0073cope":"read","\u00fc":"<&>"}`,
			[]string{"scope"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ignored, err := replaced(t, profile(t, c.profile, c.mark), c.refresh, c.claims)
			if err != nil || got != c.want || !slices.Equal(ignored, c.ignored) {
				t.Errorf("got %v, ignored %q\n%s\nwant ignored %q\n%s", err, ignored, got,
					c.ignored, c.want)
			}
		})
	}
}

// TestReplaceNarrowedScope: a scope that an OAuth client has narrowed stays narrow.
func TestReplaceNarrowedScope(t *testing.T) {
	p := profile(t, "kalsel", "")
	got, err := verifier(t, token.Rules{}).Refresh(signed(t, with(`"scope":"read write"`)), now())
	wantFault(t, got, err, nil)
	narrow, ignored, err := p.Replace(got.WithText("scope", "read"),
		[]byte(`{"scope":"read write"}`))
	must(t, narrow, err)
	minted, err := minter(t, token.Rules{}).Access(narrow, token.Session{}, time.Minute, now())
	must(t, minted, err)
	access, err := verifier(t, token.Rules{}).Access(minted.Token, now())
	wantFault(t, access, err, nil)
	if scope, _ := access.Text("scope"); scope != "read" || len(ignored) > 0 {
		t.Errorf("scope %q, ignored %q", scope, ignored)
	}
}

// TestReplaceLeavesTheSuccessor: the claims of the refresh token itself do not change.
func TestReplaceLeavesTheSuccessor(t *testing.T) {
	got, err := verifier(t, token.Rules{}).Refresh(signed(t, sample), now())
	wantFault(t, got, err, nil)
	next := token.Successor{
		Session:    sessionID,
		Generation: 1,
		IssuedAt:   now().Unix(),
		Expires:    1611318219,
	}
	before, err := minter(t, token.Rules{}).Refresh(got, next)
	must(t, before, err)
	changed, _, err := profile(t, "kalsel", "").Replace(got, []byte(`{"is_admin":false,"x":1}`))
	must(t, changed, err)
	after, err := minter(t, token.Rules{}).Refresh(got, next)
	if must(t, after, err) != before || !got.Admin {
		t.Error("the successor has changed")
	}
}

func TestReplaceRefuses(t *testing.T) {
	for name, claims := range map[string]string{
		"no object":          `[]`,
		"nothing":            ``,
		"cut off":            `{"a":1`,
		"a name twice":       `{"a":1,"a":2}`,
		"admin as a number":  `{"is_admin":1}`,
		"admin as null":      `{"is_admin":null}`,
		"admin in capitals":  `{"IS_ADMIN":true}`,
		"expiry in capitals": `{"Exp":1}`,
		"two objects":        `{}{}`,
	} {
		t.Run(name, func(t *testing.T) {
			if _, _, err := replaced(t, profile(t, "kalsel", ""), sample, claims); err == nil {
				t.Error("the claims are accepted")
			}
		})
	}
}
