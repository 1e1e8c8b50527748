package contract

import (
	"encoding/json"
	"net/http"
	"slices"
)

// clockSkew is how many seconds the clock of a deployment may differ from ours.
const clockSkew = 60

// grant is the body of a 200.
type grant struct {
	AccessToken string `json:"access_token"`
	Expired     int64  `json:"expired"`
}

// granted sends a body that must be accepted and opens the access token. It returns false if there
// is none.
func (r *Run) granted(body string) (grant, opened, bool) {
	a := r.send(refreshRequest(body), ok())
	var g grant
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &g) != nil {
		return g, opened{}, false
	}
	o, err := r.open(g.AccessToken)
	if err != nil {
		r.breach("the access_token must be a signed JWT", "%v", err)
		return g, o, false
	}
	if r.exact() && !o.genuine {
		r.breach("the access_token must be signed with the secret or with a published key",
			"its alg is %q, its kid %q", o.alg, o.kid)
	}
	return g, o, true
}

// lives checks that the access token lives for so many minutes and that expired is its exp.
func (r *Run) lives(body string, minutes int64) {
	before := r.now()
	g, o, ok := r.granted(body)
	after := r.now()
	if !ok {
		return
	}
	exp, err := o.number("exp")
	if err != nil || exp != g.Expired {
		r.breach("the field expired must be the claim exp of the access_token",
			"expired is %d, exp is %v", g.Expired, o.claims["exp"])
	}
	skew := int64(clockSkew)
	if r.exact() {
		skew = 0
	}
	if now := exp - minutes*60; now < before-skew || now > after+skew {
		r.breach(
			"the access_token must live for limit minutes",
			"it lives %d s, want %d s",
			exp-before,
			minutes*60,
		)
	}
}

func grantCases() []Case {
	return slices.Concat(lifetimeCases(), claimCases(), copiedCases(), acceptedCases())
}

func lifetimeCases() []Case {
	lifetime := func(name, rule, limit string, minutes int64) Case {
		return Case{
			Name:     "refreshToken/limit/" + name,
			Rule:     rule,
			Level:    LevelPage,
			Produces: http.StatusOK,
			Run:      func(r *Run) { r.lives(bodyWith(r.sketch().sign(), limit), minutes) },
		}
	}
	return []Case{
		lifetime("lowest limit", "limit 10 gives an access token for 10 minutes.", "10", 10),
		lifetime(
			"just above the lowest limit",
			"limit 11 gives an access token for 11 minutes.",
			"11",
			11,
		),
		lifetime("highest limit", "limit 10080 gives an access token for 7 days.", "10080", 10080),
		lifetime(
			"just below the highest limit",
			"limit 10079 gives an access token for 10079 minutes.",
			"10079",
			10079,
		),
		lifetime(
			"default limit",
			"Without limit the access token lives for 10080 minutes, 7 days.",
			"",
			10080,
		),
	}
}

// acceptedCases are about refresh tokens that look unusual and must be accepted.
func acceptedCases() []Case {
	return []Case{
		{
			Name:     "refreshToken/grant/again",
			Produces: http.StatusOK,
			Rule:     "The same refresh token is accepted twice: a retry must not fail.",
			Run: func(r *Run) {
				body := bodyWith(r.sketch().sign(), "10")
				r.granted(body)
				r.granted(body)
			},
		},
		{
			Name:     "refreshToken/grant/each key",
			Produces: http.StatusOK,
			Left:     needsKeyPair,
			Rule:     "A refresh token is accepted under each of the login's keys.",
			Run: func(r *Run) {
				for _, key := range r.Keys {
					r.granted(bodyWith(r.sketch().by(key).sign(), "10"))
				}
			},
		},
		{
			Name:     "refreshToken/grant/identity as a number",
			Produces: http.StatusOK,
			Left:     needsNumbers,
			Rule:     "An identity may be a whole number, and is copied as it is written.",
			Run: func(r *Run) {
				s := r.sketch().claim("identity", "9007199254740993")
				r.redeemed(s, wantClaims(map[string]any{"identity": json.Number("9007199254740993")}))
			},
		},
		{
			Name:     "refreshToken/grant/fraction in exp",
			Level:    LevelExact,
			Produces: http.StatusOK,
			Rule:     "exp may have a fraction: it is a NumericDate (RFC 7519 section 2).",
			Run: func(r *Run) {
				r.granted(bodyWith(r.sketch().claim("exp", number(r.now()+3600)+".5").sign(), "10"))
			},
		},
		{
			Name:     "refreshToken/grant/clock ahead",
			Level:    LevelExact,
			Produces: http.StatusOK,
			Rule:     "iat and nbf may be up to a minute ahead, because clocks differ.",
			Run: func(r *Run) {
				ahead := number(r.now() + 30)
				r.granted(bodyWith(r.sketch().claim("iat", ahead).claim("nbf", ahead).sign(), "10"))
			},
		},
		{
			Name:     "refreshToken/grant/kid ignored",
			Level:    LevelExact,
			Produces: http.StatusOK,
			Left:     needsSecret,
			Rule:     "If the deployment has one secret, the kid in a header is ignored.",
			Run: func(r *Run) {
				for _, kid := range []string{`"../../etc/passwd"`, `"' OR 1=1 --"`, `"unknown"`, `""`} {
					r.granted(bodyWith(r.sketch().head("kid", kid).sign(), "10"))
				}
			},
		},
	}
}
