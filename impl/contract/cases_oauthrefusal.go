package contract

import (
	"encoding/json"
	"strings"
)

func oauthRefusal(name, rule string, want Want, request func(r *Run) Request) Case {
	return Case{
		Name:     "oauthToken/refused/" + name,
		Rule:     rule,
		Left:     needsOAuth,
		Produces: want.Status,
		Run: func(r *Run) {
			a := r.send(request(r), want)
			r.describes(a)
		},
	}
}

// describes checks that an OAuth error has an error_description of printable ASCII, and that no
// cache keeps it (RFC 6749, section 5.2).
func (r *Run) describes(a Answer) {
	var e struct {
		Description string `json:"error_description"`
	}
	strange := func(c rune) bool { return c < ' ' || c > '~' || c == '"' || c == '\\' }
	if json.Unmarshal(a.Body, &e) != nil || e.Description == "" ||
		strings.ContainsFunc(e.Description, strange) {
		r.breach("an OAuth error must have an error_description of printable ASCII", "%s",
			excerpt(a.Body))
	}
	r.notCached(a)
}

func oauthRefusals() []Case {
	gone := oauthError("invalid_grant", "Token expired", "token has expired")
	wrongGrant := oauthError("unsupported_grant_type", "Request is not valid",
		"grant_type: must be refresh_token")
	wider := oauthRefusal("wider scope", "A scope can only become narrower.",
		oauthError("invalid_scope", "Request is not valid",
			"the scope must be a part of the scope of the refresh token"),
		func(r *Run) Request {
			return oauthRefresh(r.sketch().claim("scope", `"read"`).sign(), "scope", "read admin")
		})
	wider.Left = unless(needsOAuth, needsScope)
	return []Case{
		oauthRefusal("expired", "What is 421 at /api/v1/refresh is invalid_grant here.", gone,
			func(r *Run) Request {
				return oauthRefresh(r.sketch().claim("iat", number(longAgo-219)).
					claim("exp", number(longAgo)).sign())
			}),
		oauthRefusal("forged", "A token of another key is invalid_grant.", invalidGrant(signature),
			func(r *Run) Request { return oauthRefresh(r.sketch().forged().sign()) }),
		oauthRefusal("no token", "A text that is no token is invalid_grant.", invalidGrant(malformed),
			func(*Run) Request { return oauthRefresh("hello") }),
		oauthRefusal("access token", "An access token is invalid_grant.",
			invalidGrant("token is not a refresh token"),
			func(r *Run) Request { return oauthRefresh(r.sketch().claim("type", "0").sign()) }),
		oauthRefusal("revoked", "The token of a revoked session is invalid_grant.",
			invalidGrant("token is revoked"),
			func(r *Run) Request {
				token := r.sketch().sign()
				r.revoke(token)
				return oauthRefresh(token)
			}),
		oauthRefusal("another client's", "A client cannot use the token of another client.",
			invalidGrant("token belongs to another client"),
			func(r *Run) Request {
				return oauthRefresh(r.sketch().claim("client_id", `"web"`).sign(), "client_id", "phone")
			}),
		wider,
		oauthRefusal("grant type first", "grant_type is judged before the other parameters.",
			wrongGrant, func(*Run) Request { return form(oauthTokenPath, "grant_type", "password") }),
		oauthRefusal("without grant_type", "grant_type is required.",
			missingParameter("grant_type: is required"), func(r *Run) Request {
				return form(oauthTokenPath, "refresh_token", r.sketch().sign())
			}),
		oauthRefusal("empty grant_type", "An empty parameter counts as absent.",
			missingParameter("grant_type: is required"), func(r *Run) Request {
				return form(oauthTokenPath, "grant_type", "", "refresh_token", r.sketch().sign())
			}),
		oauthRefusal("without refresh_token", "refresh_token is required.",
			invalidOAuth("refresh_token: is required"),
			func(*Run) Request { return form(oauthTokenPath, "grant_type", "refresh_token") }),
		oauthRefusal("a parameter twice", "A known parameter must be sent once.",
			invalidOAuth("grant_type: must be sent once"), func(r *Run) Request {
				return oauthRefresh(r.sketch().sign(), "grant_type", "refresh_token")
			}),
		oauthRefusal("two clients", "The form and HTTP Basic must name the same client.",
			invalidOAuth("client_id: must be the same in the form and in Authorization"),
			func(r *Run) Request {
				return oauthRefresh(r.sketch().sign(), "client_id", "a").as(basic("b", ""))
			}),
	}
}
