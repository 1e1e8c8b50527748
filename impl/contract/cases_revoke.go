package contract

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
)

// revoke revokes the session of a token.
func (r *Run) revoke(token string) Answer {
	return r.send(revokeRequest(token), Want{Status: http.StatusNoContent})
}

// refuses checks that a token is rejected because its session is revoked.
func (r *Run) refuses(s sketch) { r.send(refreshRequest(bodyWith(s.sign(), "10")), revoked()) }

// redeems checks that a token is accepted.
func (r *Run) redeems(s sketch) { r.send(refreshRequest(bodyWith(s.sign(), "10")), ok()) }

func logout(name, rule string, run func(*Run)) Case {
	return Case{
		Name:     "revokeToken/logout/" + name,
		Rule:     rule,
		Produces: http.StatusNoContent,
		Run:      run,
	}
}

func revokeCases() []Case {
	sample := logout(
		"sample",
		"The session of a token with an empty jti is revoked, and no other session.",
		func(r *Run) {
			owner := quote(newIdentity())
			first := r.sample(r.now()+3600).claim("identity", owner)
			second := r.sample(r.now()+7200).claim("identity", owner)
			r.revoke(first.sign())
			r.refuses(first)
			r.redeems(second)
			r.revoke(second.sign())
		},
	)
	sample.Left = needsNoType
	all := []Case{
		logout(
			"then refresh",
			"After the answer to a logout the refresh token is rejected.",
			func(r *Run) {
				s := r.sketch()
				r.redeems(s)
				if a := r.revoke(s.sign()); len(a.Body) > 0 {
					r.breach("a 204 must have no body", "%s", excerpt(a.Body))
				}
				r.refuses(s)
			},
		),
		logout("twice", "A session may be revoked twice (as in RFC 7009).", func(r *Run) {
			token := r.sketch().sign()
			r.revoke(token)
			r.revoke(token)
		}),
		logout(
			"expired token",
			"An expired token may log out. Refreshing with it gives 421 before and after.",
			func(r *Run) {
				token := r.sketch().
					claim("iat", number(longAgo-219)).
					claim("exp", number(longAgo)).
					sign()
				r.send(refreshRequest(bodyWith(token, "10")), expired())
				r.revoke(token)
				r.send(refreshRequest(bodyWith(token, "10")), expired())
			},
		),
		sample,
		logout("other sessions go on", "A logout on one device leaves the other devices logged in.",
			func(r *Run) {
				phone, laptop := r.sketch(), r.sketch()
				r.revoke(phone.sign())
				r.redeems(laptop)
			}),
		logout("with an expired token", "An expired token revokes the newer tokens of its session.",
			func(r *Run) {
				s := r.person()
				r.revoke(s.claim("iat", number(longAgo-600)).claim("exp", number(longAgo)).sign())
				r.refuses(s)
			}),
	}
	return slices.Concat(all, sameSessionCases(), revokedTokens())
}

// revokedTokens are the tokens that are bad for a refresh, sent to a logout.
func revokedTokens() []Case {
	all := []Case{
		{
			Name:     "revokeToken/refused/ends nothing",
			Produces: http.StatusUnprocessableEntity,
			Rule:     "A forged token revokes nothing. Otherwise anybody could log anybody out.",
			Run: func(r *Run) {
				s := r.person()
				r.send(revokeRequest(s.forged().sign()), refused(signature))
				r.redeems(s)
			},
		},
	}
	for _, b := range aheadTokens() {
		all = append(all, logout(b.name, "A session can be revoked before its token is valid.",
			func(r *Run) { r.revoke(b.token(r.sketch())) }))
	}
	for _, b := range badForLogout() {
		all = append(all, Case{
			Name:     "revokeToken/refused/" + b.name,
			Rule:     b.rule,
			Left:     b.left,
			Produces: http.StatusUnprocessableEntity,
			Run:      func(r *Run) { r.send(revokeRequest(b.token(r.sketch())), refused(b.cause)) },
		})
	}
	return all
}

func sameSessionCases() []Case {
	var all []Case
	for _, same := range sameSessions() {
		all = append(all, logout(same.name, same.rule, func(r *Run) {
			s := r.person()
			other := same.token(s)
			r.redeems(other)
			r.revoke(s.sign())
			r.refuses(other)
		}))
	}
	return all
}

// sameSession is a change of a token that leaves it in its session.
type sameSession struct {
	name, rule string
	token      func(sketch) sketch
}

func sameSessions() []sameSession {
	return []sameSession{
		{
			"later token",
			"A later token of the same session is rejected too.",
			func(s sketch) sketch {
				return s.claim("exp", number(s.now+40*24*3600)).claim("iat", number(s.now+1))
			},
		},
		{
			"jti spelled with escapes",
			"The session is the same however its jti is written.",
			escapedID,
		},
		{
			"foreign sid",
			"A sid that is not a session ID of this server does not change the session.",
			func(s sketch) sketch { return s.claim("sid", quote(strings.Repeat("G", 64))).claim("gen", "1") },
		},
	}
}

// escapedID writes the first character of jti as an escape.
func escapedID(s sketch) sketch {
	plain := strings.Trim(s.value("jti"), `"`)
	return s.claim("jti", `"\u00`+hex.EncodeToString([]byte(plain[:1]))+plain[1:]+`"`)
}
