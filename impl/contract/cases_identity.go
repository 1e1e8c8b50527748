package contract

import (
	"crypto/rand"
	"net/http"
	"strings"
	"time"
)

// Revocations of all sessions of an identity.

func identityCases() []Case {
	return []Case{
		{
			Name:     "createRevocation/identity/all sessions end",
			Produces: http.StatusOK,
			Rule: "After the answer every refresh token of the identity that was issued before is " +
				"rejected. Tokens of other identities are accepted.",
			Run: func(r *Run) {
				first := r.person()
				second := first.claim("jti", quote(rand.Text()))
				r.redeems(first)
				out := r.end(
					object{{"identity", quote(first.identity())}, {"reason", quote("ünïcode 🔑")}},
				)
				if out.Identity != first.identity() || out.Reason != "ünïcode 🔑" ||
					out.Session != "" ||
					out.Sequence < 1 {
					r.breach("the answer must tell what was revoked", "it is %+v", out)
				}
				r.refuses(first)
				r.refuses(second)
				r.redeems(r.sketch())
			},
		},
		{
			Name:     "createRevocation/identity/new login",
			Produces: http.StatusOK,
			Rule:     "A login after the revocation is accepted.",
			Run: func(r *Run) {
				s := r.person()
				r.endAll(s.identity())
				// Ahead, within the leeway for clocks: a revocation holds for the whole second.
				r.redeems(s.claim("iat", number(r.now()+30)))
			},
		},
		{
			Name:     "createRevocation/identity/without iat",
			Level:    LevelExact,
			Produces: http.StatusOK,
			Rule:     "A token without iat counts as older than any revocation of its identity.",
			Run: func(r *Run) {
				s := r.person()
				r.endAll(s.identity())
				a := r.send(refreshRequest(bodyWith(s.without("iat").sign(), "10")), refused(""))
				causes := a.envelope().Causes
				if len(causes) != 1 || !strings.Contains(causes[0], "REFRESH_TOKEN_LIFETIME") {
					r.breach(
						"the cause must name the setting that helps",
						"the causes are %q",
						causes,
					)
				}
			},
		},
	}
}

func laterCases() []Case {
	return []Case{
		{
			Name:     "createRevocation/identity/again",
			Produces: http.StatusOK,
			Slow:     true,
			Rule:     "A second revocation of an identity revokes the sessions that began after the first.",
			Run: func(r *Run) {
				s := r.person()
				first := r.endAll(s.identity())
				s = s.claim("iat", number(first.RevokedAt+1))
				r.redeems(s)
				for first.RevokedAt >= r.now()-1 && r.ctx.Err() == nil {
					time.Sleep(50 * time.Millisecond)
				}
				second := r.endAll(s.identity())
				if second.Sequence <= first.Sequence || second.RevokedAt <= first.RevokedAt {
					r.breach(
						"a second revocation must be later than the first",
						"first %+v, then %+v",
						first,
						second,
					)
				}
				r.refuses(s)
			},
		},
		{
			Name:     "createRevocation/identity/its access tokens",
			Produces: http.StatusOK,
			Rule:     "Access tokens of the identity are rejected too.",
			Run: func(r *Run) {
				s := r.administrator().claim("identity", quote(newIdentity()))
				q := get(revocationsPath, "limit=1", s)
				r.send(q, ok())
				r.endAll(s.identity())
				r.send(q, unauthorized(revoked().Causes...))
			},
		},
	}
}
