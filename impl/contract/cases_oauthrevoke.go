package contract

import (
	"net/http"
	"slices"
)

func oauthLogout(token string) Request { return form(oauthRevokePath, "token", token) }

func oauthRevokeCases() []Case {
	accepts := func(name, rule string, run func(r *Run)) Case {
		return Case{
			Name:     "oauthRevoke/logout/" + name,
			Rule:     rule,
			Left:     needsOAuth,
			Produces: http.StatusOK,
			Run:      run,
		}
	}
	rotating := accepts("access token", "An access token of this server revokes its session.",
		func(r *Run) {
			s := r.person()
			tokens, _ := r.exchanged(oauthRefresh(s.sign()))
			r.send(form(oauthRevokePath, "token", tokens.AccessToken, "token_type_hint", "pct"),
				ok())
			r.refuses(s)
			r.send(oauthLogout(tokens.AccessToken), ok())
		})
	rotating.Left = unless(needsOAuth, needsSessionNames)
	cases := []Case{
		accepts("refresh token", "After the answer the refresh token is rejected.", func(r *Run) {
			s := r.person()
			q := form(oauthRevokePath, "token", s.sign(), "token_type_hint", "access_token",
				"client_id", "web app")
			a := r.send(q, ok())
			r.notCached(a)
			if len(a.Body) > 0 {
				r.breach("a 200 of a revocation must have no body", "%s", excerpt(a.Body))
			}
			r.refuses(s)
			r.send(q, ok())
		}),
		accepts("no valid token", "A token that is not valid anyway is answered 200 (RFC 7009).",
			func(r *Run) {
				for _, token := range []string{
					"hello",
					r.sketch().forged().sign(),
					r.sketch().claim("iat", number(longAgo-219)).claim("exp", number(longAgo)).sign(),
					r.owner(r.identity).claim("exp", number(longAgo)).claim("iat", number(longAgo-60)).sign(),
				} {
					r.send(oauthLogout(token), ok())
				}
			}),
		rotating,
		{
			Name:     "oauthRevoke/refused/forged token ends nothing",
			Rule:     "A forged token revokes nothing.",
			Left:     needsOAuth,
			Produces: http.StatusOK,
			Run: func(r *Run) {
				s := r.person()
				r.send(oauthLogout(s.forged().sign()), ok())
				r.redeems(s)
			},
		},
		oauthRevokeRefusal("access token of the login",
			"An access token that names no session of the server is unsupported_token_type.",
			oauthError("unsupported_token_type", "Request is not valid",
				"the access token names no session: send the refresh token"),
			func(r *Run) Request { return oauthLogout(r.owner(r.identity).sign()) }),
		oauthRevokeRefusal("another client's", "A client cannot revoke the token of another client.",
			invalidGrant("token belongs to another client"),
			func(r *Run) Request {
				token := r.sketch().claim("client_id", `"web"`).sign()
				return form(oauthRevokePath, "token", token, "client_id", "phone")
			}),
		oauthRevokeRefusal("without token", "token is required.",
			missingParameter("token: is required"),
			func(*Run) Request { return form(oauthRevokePath, "token_type_hint", "refresh_token") }),
		oauthRevokeRefusal("empty token", "An empty parameter counts as absent.",
			missingParameter("token: is required"),
			func(*Run) Request { return form(oauthRevokePath, "token", "") }),
	}
	for _, path := range []string{oauthTokenPath, oauthRevokePath} {
		id := map[string]string{oauthTokenPath: "oauthToken", oauthRevokePath: "oauthRevoke"}[path]
		cases = append(cases, Case{
			Name:     id + "/client/not Basic",
			Rule:     "A header Authorization that is not HTTP Basic is invalid_client.",
			Left:     needsOAuth,
			Produces: http.StatusUnauthorized,
			Run: func(r *Run) {
				const cause = "Authorization: must be absent, or Basic with the client_id"
				for _, sent := range []string{"Bearer a", "Basic", "Basic !", basic("", "secret"), ""} {
					q := form(path, "grant_type", "refresh_token", "token", "a").as(sent)
					r.challenges(r.send(q, invalidClient(cause)), "Basic")
				}
				twice := form(path, "grant_type", "refresh_token", "token", "a").as(basic("a", ""))
				twice.Header.Add("Authorization", basic("a", ""))
				r.send(twice, invalidClient(cause))
			},
		})
	}
	return slices.Concat(cases, oauthCommon(oauthOperation{
		id:         "oauthRevoke",
		path:       oauthRevokePath,
		acceptable: func(r *Run) Request { return oauthLogout(r.sketch().sign()) },
		left:       needsOAuth,
		required:   "token",
	}))
}

func oauthRevokeRefusal(name, rule string, want Want, request func(r *Run) Request) Case {
	c := oauthRefusal(name, rule, want, request)
	c.Name = "oauthRevoke/refused/" + name
	return c
}
