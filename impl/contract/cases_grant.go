package contract

import (
	_ "embed"
	"encoding/json"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

const clockSkew = 60 // seconds that the clock of a deployment elsewhere may differ from ours

//go:embed sample.claims.json
var sampleClaims string

// grant is the body of a 200.
type grant struct {
	AccessToken string `json:"access_token"`
	Expired     int64  `json:"expired"`
}

func refreshRequest(body string) Request {
	return Request{
		Method: http.MethodPost, Path: refreshPath,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body),
	}
}

// bodyWith is a request body with the refresh token and, if it is not empty, the text of limit.
func bodyWith(token, limit string) string {
	o := object{{"refresh_token", quote(token)}}
	if limit != "" {
		o = o.add("limit", limit)
	}
	return o.String()
}

// granted sends a body that must be accepted and opens the access token. It returns false if there is none.
func (r *Run) granted(body string) (grant, opened, bool) {
	a := r.Send(refreshRequest(body), Want{Status: http.StatusOK})
	var g grant
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &g) != nil {
		return g, opened{}, false
	}
	o, err := r.open(g.AccessToken)
	if err != nil {
		r.Breach("%v", err)
		return g, o, false
	}
	if r.Exact && !o.genuine {
		r.Breach("access_token is signed with %q, want HS256 and no kid", o.alg)
	}
	return g, o, true
}

// lives checks that the access token of body lives for so many minutes and that expired is its exp.
func (r *Run) lives(body string, minutes int64) {
	before := time.Now().Unix()
	g, o, ok := r.granted(body)
	after := time.Now().Unix()
	if !ok {
		return
	}
	exp, err := o.number("exp")
	if err != nil || exp != g.Expired {
		r.Breach("expired is %d, exp of access_token is %v", g.Expired, o.claims["exp"])
	}
	skew := int64(clockSkew)
	if r.Exact {
		skew = 0
	}
	if now := exp - minutes*60; now < before-skew || now > after+skew {
		r.Breach("access_token lives %d s, want %d s", exp-before, minutes*60)
	}
}

func needsNoType(t Target) string {
	if t.RequireType {
		return "the deployment demands the claim type, which the sample does not have"
	}
	return ""
}

func grantCases() []Case {
	return slices.Concat(lifetimeCases(), claimCases(), acceptedCases())
}

func lifetimeCases() []Case {
	return []Case{
		lifetime("lowest limit", "limit 10 gives an access token for 10 minutes.", "10", 10),
		lifetime("just above the lowest limit", "limit 11 gives an access token for 11 minutes.", "11", 11),
		lifetime("highest limit", "limit 10080 gives an access token for seven days.", "10080", 10080),
		lifetime("just below the highest limit", "limit 10079 gives an access token for 10079 minutes.", "10079", 10079),
		lifetime("default limit", "Without limit the access token lives for 10080 minutes, seven days.", "", 10080),
	}
}

// claimCases are about what the access token says.
func claimCases() []Case {
	return []Case{
		{
			Name: "refreshToken/grant/sample", Left: needsNoType,
			Rule: "The token of the user's page (jti empty, no type) is redeemed; identity, name and is_admin are carried over.",
			Run:  func(r *Run) { r.sampleRedeemed(wantClaims(sampleWant())) },
		},
		{
			Name: "refreshToken/grant/sample, exact claims", Left: unless(needsNoType, needsNoRotation), Exact: true,
			Rule: "The access token of the sample has exactly the claims of sample.claims.json.",
			Run:  func(r *Run) { r.sampleRedeemed(goldenClaims) },
		},
		{
			Name: "refreshToken/grant/not fresh",
			Rule: "The new token is an access token (type 0) and not fresh (fresh false).",
			Run: func(r *Run) {
				r.redeemed(r.sketch(), wantClaims(map[string]any{"type": json.Number("0"), "fresh": false}))
			},
		},
		customClaims(),
		{
			Name: "refreshToken/grant/times are its own", Exact: true,
			Rule: "iat, nbf and jti of the refresh token are not carried over.",
			Run: func(r *Run) {
				r.redeemed(r.sketch().claim("jti", `"mine"`).claim("nbf", "1"), ownTimes)
			},
		},
		{
			Name: "refreshToken/grant/session of the login", Left: needsNoRotation, Exact: true,
			Rule: "sid and gen of a login are carried over like any claim, unless the server has its own.",
			Run: func(r *Run) {
				s := r.sketch().claim("sid", `"s"`).claim("gen", "3")
				r.redeemed(s, wantClaims(map[string]any{"sid": "s", "gen": json.Number("3")}))
			},
		},
	}
}

// acceptedCases are about refresh tokens that look strange and are acceptable.
func acceptedCases() []Case {
	return []Case{
		{
			Name: "refreshToken/grant/again",
			Rule: "Without rotation a refresh token may be redeemed more than once.",
			Run: func(r *Run) {
				body := bodyWith(r.sketch().sign(), "10")
				r.granted(body)
				r.granted(body)
			},
		},
		{
			Name: "refreshToken/grant/fraction in exp", Exact: true,
			Rule: "A fraction in exp is a NumericDate (RFC 7519 section 2) and accepted.",
			Run: func(r *Run) {
				r.granted(bodyWith(r.sketch().claim("exp", number(time.Now().Unix()+3600)+".5").sign(), "10"))
			},
		},
		{
			Name: "refreshToken/grant/clock ahead", Exact: true,
			Rule: "iat and nbf may be up to a minute ahead, because clocks differ.",
			Run: func(r *Run) {
				ahead := number(time.Now().Unix() + 30)
				r.granted(bodyWith(r.sketch().claim("iat", ahead).claim("nbf", ahead).sign(), "10"))
			},
		},
		{
			Name: "refreshToken/grant/kid ignored", Exact: true,
			Rule: "With a single secret a kid in the header means nothing, whatever it says.",
			Run: func(r *Run) {
				for _, kid := range []string{`"../../etc/passwd"`, `"' OR 1=1 --"`, `"unknown"`, `""`} {
					r.granted(bodyWith(r.sketch().head("kid", kid).sign(), "10"))
				}
			},
		},
	}
}

func lifetime(name, rule, limit string, minutes int64) Case {
	return Case{Name: "refreshToken/limit/" + name, Rule: rule, Produces: http.StatusOK, Run: func(r *Run) {
		r.lives(bodyWith(r.sketch().sign(), limit), minutes)
	}}
}

func (r *Run) redeemed(s sketch, check func(*Run, grant, opened)) {
	if g, o, ok := r.granted(bodyWith(s.sign(), "10")); ok {
		check(r, g, o)
	}
}

func (r *Run) sampleRedeemed(check func(*Run, grant, opened)) {
	r.redeemed(r.sample(time.Now().Unix()+3600), check)
}

func sampleWant() map[string]any {
	return map[string]any{"identity": "whois.muchlis@gmail.com", "name": "Real Muchlis", "is_admin": true}
}

// wantClaims checks the claims that are named and ignores all others.
func wantClaims(want map[string]any) func(*Run, grant, opened) {
	return func(r *Run, _ grant, o opened) {
		for name, value := range want {
			if !reflect.DeepEqual(o.claims[name], value) {
				r.Breach("claim %s is %v, want %v", name, o.claims[name], value)
			}
		}
	}
}

func customClaims() Case {
	custom := object{
		{"roles", `["editor","Redaktør","編集者","🔑"]`},
		{"limits", `{"deep":{"deeper":[1,2.50,null,true]},"ünï":"<&>\u2028"}`},
		{"big", "9007199254740993"},
		{"tenant", "null"},
	}
	return Case{
		Name: "refreshToken/grant/custom claims",
		Rule: "All other claims are carried over as they are: nested, in Unicode, beyond 2^53, null.",
		Run: func(r *Run) {
			s := r.sketch().claim("identity", quote("märy+💌@例え.jp"))
			s.claims = append(s.claims, custom...)
			want := map[string]any{}
			decoder := json.NewDecoder(strings.NewReader(custom.String()))
			decoder.UseNumber()
			if err := decoder.Decode(&want); err != nil {
				r.Breach("%v", err)
			}
			maps.Copy(want, map[string]any{"identity": "märy+💌@例え.jp", "name": "Contract Kit"})
			r.redeemed(s, wantClaims(want))
		},
	}
}

// goldenClaims compares all claims with the golden file, in which those that differ each time have a fixed text.
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
		r.Breach("the claims differ from sample.claims.json:\n%s", text)
	}
}

func ownTimes(r *Run, g grant, o opened) {
	for name, value := range map[string]any{"nbf": json.Number("1"), "jti": "mine"} {
		if o.claims[name] == value {
			r.Breach("claim %s is carried over", name)
		}
	}
	if iat, err := o.number("iat"); err != nil || iat != g.Expired-600 {
		r.Breach("claim iat is not the time of the refresh")
	}
}
