package contract

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strconv"
	"time"
)

// userExpired is the body of a 421, from the user's page.
const userExpired = `{"status":421,"message":"Token expired","error":"jwt_error","causes":["token has expired"]}`

func expired() Want {
	return Want{Status: http.StatusMisdirectedRequest, Kind: "jwt_error", Message: "Token expired", Causes: []string{"token has expired"}}
}

func refused(cause string) Want {
	return Want{Status: http.StatusUnprocessableEntity, Kind: "jwt_error", Message: "Token is not valid", Causes: []string{cause}}
}

// Causes of a 422, as this repository's server words them.
const (
	malformed   = "token is malformed"
	critical    = "token needs an extension that is not supported"
	algorithm   = "algorithm is not allowed"
	signature   = "signature is invalid"
	issuer      = "issuer is not accepted"
	audience    = "audience is not accepted"
	notRefresh  = "token is not a refresh token"
	noIdentity  = "token has no identity"
	noExpiry    = "token has no expiry"
	notYet      = "token is not valid yet"
	tooLongLife = "token lives longer than is allowed"
)

func refusalCases() []Case {
	all := []Case{
		{
			Name: "refreshToken/expired/sample", Left: needsNoType, Produces: http.StatusMisdirectedRequest,
			Rule: "The token of the user's page, long expired, gives the 421 of that page.",
			Run: func(r *Run) {
				a := r.Send(refreshRequest(bodyWith(r.sample(1611318219).sign(), "10")), expired())
				r.sameAsPage(a)
			},
		},
		tokenCase("expired/a second ago", "A token that expired a second ago gives 421: exp has no leeway.", expired(), func(s sketch) string {
			return s.claim("exp", number(time.Now().Unix()-1)).sign()
		}),
		tokenCase("expired/exp 0", "exp 0 is a time, long past.", expired(), func(s sketch) string { return s.claim("exp", "0").sign() }),
		{
			Name: "refreshToken/expired/without a side effect", Produces: http.StatusMisdirectedRequest,
			Rule: "A 421 may be repeated (RFC 9110 section 15.5.20): the same request gives the same answer.",
			Run: func(r *Run) {
				q := refreshRequest(bodyWith(r.sketch().claim("exp", "1611318219").sign(), ""))
				first, second := r.Send(q, expired()), r.Send(q, expired())
				if string(first.Body) != string(second.Body) {
					r.Breach("the second answer differs from the first")
				}
			},
		},
		{
			Name: "refreshToken/refused/too long a life", Left: needsMaxLifetime, Exact: true,
			Rule: "A refresh token that lives longer than is allowed is refused.",
			Run: func(r *Run) {
				s := r.sketch()
				s = s.claim("exp", number(time.Now().Unix()+int64(r.MaxLifetime/time.Second)+3600))
				r.Send(refreshRequest(bodyWith(s.sign(), "")), refused(tooLongLife))
			},
		},
	}
	for _, claim := range []string{"iat", "nbf"} {
		all = append(all, Case{
			Name: "refreshToken/early/" + claim, Produces: http.StatusServiceUnavailable,
			Rule: "If only time is missing, up to 15 minutes, the answer is 503 with Retry-After: nobody is logged out.",
			Run: func(r *Run) {
				raw := r.sketch().claim(claim, number(time.Now().Unix()+300)).sign()
				a := r.Send(refreshRequest(bodyWith(raw, "")), Want{Status: http.StatusServiceUnavailable, Kind: "unavailable"})
				if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 || seconds > 60 {
					r.Breach("Retry-After is %q, want 1 to 60 seconds", a.Header.Get("Retry-After"))
				}
			},
		})
	}
	for _, b := range badTokens() {
		all = append(all, tokenCase("refused/"+b.name, b.rule, refused(b.cause), b.token))
	}
	return append(all, addressCases()...)
}

// sameAsPage compares a 421 with the user's page: field by field or, where exactness is promised, byte for byte.
func (r *Run) sameAsPage(a Answer) {
	var got, want any
	if json.Unmarshal([]byte(userExpired), &want) != nil || json.Unmarshal(a.Body, &got) != nil || !reflect.DeepEqual(got, want) {
		r.Breach("the answer differs from the user's page: %s", excerpt(a.Body))
	}
	if r.Exact && string(a.Body) != userExpired {
		r.Breach("the answer is not the user's page byte for byte: %s", excerpt(a.Body))
	}
}

func needsMaxLifetime(t Target) string {
	if t.MaxLifetime == 0 {
		return "the deployment does not bound the life of a refresh token"
	}
	return ""
}

// tokenCase sends one refresh token, made from an acceptable one.
func tokenCase(name, rule string, want Want, token func(sketch) string) Case {
	return Case{Name: "refreshToken/" + name, Rule: rule, Produces: want.Status, Run: func(r *Run) {
		r.Send(refreshRequest(bodyWith(token(r.sketch()), "")), want)
	}}
}

func addressCases() []Case {
	issuerOff := func(t Target) string {
		if t.Issuer == "" {
			return "the deployment demands no issuer"
		}
		return ""
	}
	audienceOff := func(t Target) string {
		if t.Audience == "" {
			return "the deployment demands no audience"
		}
		return ""
	}
	typeOff := func(t Target) string {
		if !t.RequireType {
			return "the deployment does not demand the claim type"
		}
		return ""
	}
	with := func(left func(Target) string, c Case) Case {
		c.Left = left
		return c
	}
	return []Case{
		with(issuerOff, tokenCase("refused/other issuer", "Where an issuer is demanded, another one is refused.", refused(issuer), func(s sketch) string { return s.claim("iss", `"somebody else"`).sign() })),
		with(issuerOff, tokenCase("refused/no issuer", "Where an issuer is demanded, a token without iss is refused.", refused(issuer), func(s sketch) string { return s.without("iss").sign() })),
		with(audienceOff, tokenCase("refused/other audience", "Where an audience is demanded, another one is refused.", refused(audience), func(s sketch) string { return s.claim("aud", `["somebody else"]`).sign() })),
		with(audienceOff, tokenCase("refused/no audience", "Where an audience is demanded, a token without aud is refused.", refused(audience), func(s sketch) string { return s.without("aud").sign() })),
		with(typeOff, tokenCase("refused/no type", "Where the claim type is demanded, a token without it is refused.", refused(notRefresh), func(s sketch) string { return s.without("type").sign() })),
		with(audienceOff, Case{
			Name: "refreshToken/grant/audience among others", Rule: "One of several audiences is enough.", Produces: http.StatusOK,
			Run: func(r *Run) {
				s := r.sketch().claim("aud", `["somebody else",`+quote(r.Audience)+"]")
				r.redeemed(s, func(r *Run, _ grant, o opened) {
					if r.Exact && o.text("aud") != r.Audience {
						r.Breach("claim aud is not the configured audience")
					}
				})
			},
		}),
	}
}
