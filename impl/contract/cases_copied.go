package contract

import (
	_ "embed"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"strings"
)

//go:embed sample.claims.json
var sampleClaims string

// claimCases are about the claims of the access token.
func claimCases() []Case {
	return []Case{
		{
			Name:  "refreshToken/grant/sample",
			Level: LevelPage,
			Left:  unless(needsNoType, needsOwnClaims),
			Rule: "The token of the kalsel page (jti empty, no type) is accepted. identity, name and " +
				"is_admin are copied to the access token.",
			Run: func(r *Run) { r.sampleGranted(wantClaims(sampleWant())) },
		},
		{
			Name:  "refreshToken/grant/sample, exact claims",
			Level: LevelExact,
			Left:  unless(needsKalsel, needsNoType, needsNoSessionNames, needsOwnClaims),
			Rule:  "The access token of the sample has exactly the claims of sample.claims.json.",
			Run:   func(r *Run) { r.sampleGranted(goldenClaims) },
		},
		{
			Name:     "refreshToken/grant/not fresh",
			Produces: http.StatusOK,
			Rule:     "The new token is an access token (type 0) and not fresh (fresh false).",
			Run: func(r *Run) {
				r.redeemed(
					r.sketch(),
					wantClaims(map[string]any{"type": json.Number("0"), "fresh": false}),
				)
			},
		},
	}
}

// copiedCases are about the claims that are copied from the refresh token, and those that are not.
func copiedCases() []Case {
	return []Case{
		{
			Name:     "refreshToken/grant/custom claims",
			Left:     needsOwnClaims,
			Produces: http.StatusOK,
			Rule:     "All other claims are copied as they are: nested, in Unicode, null.",
			Run: func(r *Run) {
				r.copies(object{
					{"roles", `["editor","Redaktør","編集者","🔑"]`},
					{"limits", `{"deep":{"deeper":[1,null,true]},"ünï":"<&>\u2028"}`},
					{"tenant", "null"},
				})
			},
		},
		{
			Name:     "refreshToken/grant/numbers as written",
			Level:    LevelExact,
			Left:     needsOwnClaims,
			Produces: http.StatusOK,
			Rule:     "Numbers in other claims are copied digit by digit, with final zeros and above 2^53.",
			Run: func(r *Run) {
				r.copies(
					object{
						{"price", "2.50"},
						{"big", "9007199254740993"},
						{"nested", `[1e2,{"a":-0.0}]`},
					},
				)
			},
		},
		{
			Name:     "refreshToken/grant/times are its own",
			Level:    LevelExact,
			Produces: http.StatusOK,
			Rule:     "iat, nbf and jti of the refresh token are not copied.",
			Run: func(r *Run) {
				r.redeemed(r.sketch().claim("jti", `"mine"`).claim("nbf", "1"), ownTimes)
			},
		},
		{
			Name:     "refreshToken/grant/session of the login",
			Level:    LevelExact,
			Left:     needsNoSessionNames,
			Produces: http.StatusOK,
			Rule:     "sid and gen of a login are copied like any claim, unless the server has its own.",
			Run: func(r *Run) {
				s := r.sketch().claim("sid", `"s"`).claim("gen", "3")
				r.redeemed(s, wantClaims(map[string]any{"sid": "s", "gen": json.Number("3")}))
			},
		},
		{
			Name:     "refreshToken/grant/session",
			Left:     needsSessionNames,
			Produces: http.StatusOK,
			Rule: "An access token names its session (sid) and when it started (auth_time). A sid of the " +
				"login becomes login_sid.",
			Run: (*Run).namesSession,
		},
	}
}

// namesSession checks the claims of two access tokens of one session.
func (r *Run) namesSession() {
	started := r.now() - 100
	s := r.sketch().claim("iat", number(started)).claim("sid", `"s"`).claim("auth_time", "7")
	want := map[string]any{"auth_time": json.Number(number(started)), "login_sid": "s"}
	named := map[any]bool{}
	for range 2 {
		r.redeemed(s, func(r *Run, g grant, o opened) {
			wantClaims(want)(r, g, o)
			id, _ := o.claims["sid"].(string)
			if len(id) != 64 {
				r.breach("sid must be the ID of the session", "it is %v", o.claims["sid"])
			}
			named[id] = true
		})
	}
	if len(named) > 1 {
		r.breach("two access tokens of a session must have the same sid", "they do not")
	}
}

// copies checks that the access token has the claims as they are written here.
func (r *Run) copies(custom object) {
	s := r.sketch().claim("identity", quote("märy+💌@"+r.identity))
	s.claims = append(s.claims, custom...)
	want := map[string]any{}
	decoder := json.NewDecoder(strings.NewReader(custom.String()))
	decoder.UseNumber()
	if err := decoder.Decode(&want); err != nil {
		panic(err) // the claims are written above
	}
	maps.Copy(want, map[string]any{"identity": s.identity(), "name": "Contract Kit"})
	r.redeemed(s, wantClaims(want))
}

// redeemed checks the answer to a refresh token that must be accepted.
func (r *Run) redeemed(s sketch, check func(*Run, grant, opened)) {
	if g, o, ok := r.granted(bodyWith(s.sign(), "10")); ok {
		check(r, g, o)
	}
}

func (r *Run) sampleGranted(check func(*Run, grant, opened)) {
	r.redeemed(r.sample(r.now()+3600), check)
}

func sampleWant() map[string]any {
	return map[string]any{
		"identity": "whois.muchlis@gmail.com",
		"name":     "Real Muchlis",
		"is_admin": true,
	}
}

// wantClaims checks the claims that are named and ignores all others.
func wantClaims(want map[string]any) func(*Run, grant, opened) {
	return func(r *Run, _ grant, o opened) {
		for name, value := range want {
			if !reflect.DeepEqual(o.claims[name], value) {
				r.breach(
					"the access_token must have the right claim "+name,
					"it is %v, want %v",
					o.claims[name],
					value,
				)
			}
		}
	}
}

// goldenClaims compares all claims with the golden file, in which the claims that differ each time
// have a fixed text.
func goldenClaims(r *Run, g grant, o opened) {
	got := maps.Clone(o.claims)
	if exp, _ := o.number("exp"); exp == g.Expired {
		got["exp"] = "copied to expired"
	}
	if iat, _ := o.number("iat"); iat == g.Expired-600 {
		got["iat"] = "exp - 600"
	}
	if jti, _ := got["jti"].(string); len(jti) == 22 {
		got["jti"] = "22 random characters"
	}
	for name, value := range map[string]string{"iss": r.Issuer, "aud": r.Audience} {
		if value != "" && got[name] == value {
			delete(got, name)
		}
	}
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil || string(text)+"\n" != sampleClaims {
		r.breach("the claims must be those of sample.claims.json", "they are\n%s", text)
	}
}

func ownTimes(r *Run, g grant, o opened) {
	for name, value := range map[string]any{"nbf": json.Number("1"), "jti": "mine"} {
		if o.claims[name] == value {
			r.breach("the claims nbf and jti must not be copied", "%s is", name)
		}
	}
	if iat, err := o.number("iat"); err != nil || iat != g.Expired-600 {
		r.breach("the claim iat must be the time of the refresh", "it is %v", o.claims["iat"])
	}
}
