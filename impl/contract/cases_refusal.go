package contract

import (
	"encoding/json"
	"net/http"
	"reflect"
	"time"
)

// pageExpired is the body of the 421 on the kalsel page.
const pageExpired = `{"status":421,"message":"Token expired","error":"jwt_error","causes":["token has expired"]}`

// Causes of a 422, in the words of refreshd.
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

// longAgo is the exp of the token on the kalsel page.
const longAgo = 1611318219

func refusalCases() []Case {
	aSecondAgo := tokenCase("expired/a second ago",
		"A token that expired a second ago gives 421: exp has no leeway.", expired(),
		func(s sketch) string { return s.claim("exp", number(s.now-1)).sign() })
	aSecondAgo.Level = LevelPage
	all := []Case{
		{
			Name:     "refreshToken/expired/sample",
			Level:    LevelPage,
			Left:     needsNoType,
			Produces: http.StatusMisdirectedRequest,
			Rule:     "The token of the kalsel page has expired. It gives the 421 of that page.",
			Run: func(r *Run) {
				r.sameAsPage(
					r.send(refreshRequest(bodyWith(r.sample(longAgo).sign(), "10")), expired()),
				)
			},
		},
		aSecondAgo,
		tokenCase("expired/exp 0", "exp 0 is a time, long past.", expired(),
			func(s sketch) string { return s.claim("exp", "0").sign() }),
		{
			Name:     "refreshToken/expired/without a side effect",
			Produces: http.StatusMisdirectedRequest,
			Rule:     "A 421 may be repeated (RFC 9110 section 15.5.20): the answer is the same again.",
			Run: func(r *Run) {
				q := refreshRequest(bodyWith(r.sketch().claim("exp", number(longAgo)).sign(), ""))
				first, second := r.send(q, expired()), r.send(q, expired())
				if string(first.Body) != string(second.Body) {
					r.breach(
						"the same expired token must get the same answer again",
						"%s",
						excerpt(second.Body),
					)
				}
			},
		},
		{
			Name:     "refreshToken/refused/too long a life",
			Level:    LevelExact,
			Left:     needsMaxLifetime,
			Produces: http.StatusUnprocessableEntity,
			Rule:     "A refresh token that lives longer than is allowed is rejected.",
			Run: func(r *Run) {
				end := r.now() + int64(r.MaxLifetime/time.Second) + 3600
				raw := r.sketch().claim("exp", number(end)).sign()
				r.send(refreshRequest(bodyWith(raw, "")), refused(tooLongLife))
			},
		},
	}
	for _, claim := range []string{"iat", "nbf"} {
		all = append(all, Case{
			Name:     "refreshToken/early/" + claim,
			Produces: http.StatusServiceUnavailable,
			Rule: "If a token becomes valid within 15 minutes, the answer is 503 with Retry-After: no user " +
				"is logged out.",
			Run: func(r *Run) {
				raw := r.sketch().claim(claim, number(r.now()+300)).sign()
				want := unavailable()
				want.Message, want.Causes = "", nil
				r.retriesAfter(r.send(refreshRequest(bodyWith(raw, "")), want), 60)
			},
		})
	}
	for _, b := range badTokens() {
		c := tokenCase("refused/"+b.name, b.rule, refused(b.cause), b.token)
		c.Left = b.left
		all = append(all, c)
	}
	return append(all, addressCases()...)
}

// sameAsPage compares a 421 with the kalsel page: by fields or, at LevelExact, by bytes.
func (r *Run) sameAsPage(a Answer) {
	var got, want any
	if err := json.Unmarshal([]byte(pageExpired), &want); err != nil {
		panic(err) // it is written above
	}
	if json.Unmarshal(a.Body, &got) != nil || !reflect.DeepEqual(got, want) {
		r.breach("the 421 must have the fields of the kalsel page", "%s", excerpt(a.Body))
	} else if r.exact() && string(a.Body) != pageExpired {
		r.breach("the 421 must be that of the kalsel page byte for byte", "%s", excerpt(a.Body))
	}
}

// tokenCase sends one refresh token, made from an acceptable one.
func tokenCase(name, rule string, want Want, token func(sketch) string) Case {
	return Case{
		Name:     "refreshToken/" + name,
		Rule:     rule,
		Produces: want.Status,
		Run: func(r *Run) {
			r.send(refreshRequest(bodyWith(token(r.sketch()), "")), want)
		},
	}
}

// addressCases are about claims that a deployment may require.
func addressCases() []Case {
	required := func(
		name, rule, cause string, left func(Target) string, change func(sketch) sketch,
	) Case {
		c := tokenCase(
			"refused/"+name,
			rule,
			refused(cause),
			func(s sketch) string { return change(s).sign() },
		)
		c.Left = left
		return c
	}
	return []Case{
		required(
			"other issuer",
			"If an issuer is required, another one is rejected.",
			issuer,
			needsIssuer,
			func(s sketch) sketch { return s.claim("iss", `"another issuer"`) },
		),
		required(
			"no issuer",
			"If an issuer is required, a token without iss is rejected.",
			issuer,
			needsIssuer,
			func(s sketch) sketch { return s.without("iss") },
		),
		required(
			"other audience",
			"If an audience is required, another one is rejected.",
			audience,
			needsAudience,
			func(s sketch) sketch { return s.claim("aud", `["another audience"]`) },
		),
		required(
			"no audience",
			"If an audience is required, a token without aud is rejected.",
			audience,
			needsAudience,
			func(s sketch) sketch { return s.without("aud") },
		),
		required(
			"no type",
			"If the claim type is required, a token without it is rejected.",
			notRefresh,
			needsType,
			func(s sketch) sketch { return s.without("type") },
		),
		{
			Name:     "refreshToken/grant/audience among others",
			Left:     needsAudience,
			Produces: http.StatusOK,
			Rule:     "The required audience may be one of several.",
			Run: func(r *Run) {
				s := r.sketch().claim("aud", `["another audience",`+quote(r.Audience)+"]")
				r.redeemed(s, func(r *Run, _ grant, o opened) {
					if r.exact() && o.text("aud") != r.Audience {
						r.breach(
							"the claim aud must be the configured audience",
							"it is %v",
							o.claims["aud"],
						)
					}
				})
			},
		},
	}
}
