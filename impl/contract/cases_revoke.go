package contract

import (
	"net/http"
	"time"
)

// revoked is the answer to a refresh token whose session has ended.
func revoked() Want { return refused("token is revoked") }

func revokeRequest(token string) Request {
	q := refreshRequest(object{{"refresh_token", quote(token)}}.String())
	q.Path = revokePath
	return q
}

// revoke ends the session of a token.
func (r *Run) revoke(token string) Answer {
	return r.Send(revokeRequest(token), Want{Status: http.StatusNoContent})
}

func revokeCases() []Case {
	all := []Case{
		{
			Name: "revokeToken/logout/then refresh", Produces: http.StatusNoContent,
			Rule: "Once the answer to a logout has come, the refresh token is not accepted any more.",
			Run: func(r *Run) {
				token := r.sketch().sign()
				r.granted(bodyWith(token, "10"))
				if a := r.revoke(token); len(a.Body) > 0 {
					r.Breach("a 204 has no body")
				}
				r.Send(refreshRequest(bodyWith(token, "10")), revoked())
			},
		},
		{
			Name: "revokeToken/logout/twice", Produces: http.StatusNoContent,
			Rule: "Ending a session twice is not an error (as in RFC 7009).",
			Run: func(r *Run) {
				token := r.sketch().sign()
				r.revoke(token)
				r.revoke(token)
			},
		},
		{
			Name: "revokeToken/logout/expired token", Produces: http.StatusNoContent,
			Rule: "A session can be ended with an expired token; to refresh with it is 421 before and after.",
			Run: func(r *Run) {
				token := r.sketch().claim("iat", "1611318000").claim("exp", "1611318219").sign()
				r.Send(refreshRequest(bodyWith(token, "10")), expired())
				r.revoke(token)
				r.Send(refreshRequest(bodyWith(token, "10")), expired())
			},
		},
		{
			Name: "revokeToken/logout/sample", Produces: http.StatusNoContent, Left: needsNoType,
			Rule: "The session of a token with an empty jti can be ended, and no other one with it.",
			Run: func(r *Run) {
				first, second := r.sample(time.Now().Unix()+3600).sign(), r.sample(time.Now().Unix()+7200).sign()
				r.revoke(first)
				r.Send(refreshRequest(bodyWith(first, "10")), revoked())
				r.granted(bodyWith(second, "10"))
				r.revoke(second)
			},
		},
		{
			Name: "revokeToken/logout/other sessions go on", Produces: http.StatusNoContent,
			Rule: "Logging out on one device leaves the other devices logged in.",
			Run: func(r *Run) {
				phone, laptop := r.sketch().claim("jti", quote("phone "+somebody())).sign(), r.sketch().sign()
				r.revoke(phone)
				r.granted(bodyWith(laptop, "10"))
			},
		},
	}
	return append(all, tokensForLogout()...)
}

// tokensForLogout are the tokens that are bad for a refresh, presented to a logout.
func tokensForLogout() (all []Case) {
	for _, b := range aheadTokens() {
		all = append(all, Case{
			Name: "revokeToken/logout/" + b.name, Produces: http.StatusNoContent,
			Rule: "A session can be revoked before its token is valid.",
			Run:  func(r *Run) { r.revoke(b.token(r.sketch())) },
		})
	}
	for _, b := range badForLogout() {
		all = append(all, Case{
			Name: "revokeToken/refused/" + b.name, Rule: b.rule, Produces: http.StatusUnprocessableEntity,
			Run: func(r *Run) { r.Send(revokeRequest(b.token(r.sketch())), refused(b.cause)) },
		})
	}
	return all
}
