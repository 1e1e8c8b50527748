package contract

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// sessionCases are about what exactly is ended with a session. All of it belongs to names that they make up: a deployment in
// use may be judged.
func sessionCases() []Case {
	return slices.Concat(sameSessionCases(), endCases(), walkCases(), sessionMethods())
}

// person is somebody whom no other case knows.
func (r *Run) person() sketch {
	return r.sketch().claim("identity", quote(somebody())).claim("jti", quote(rand.Text()))
}

// refuses checks that a token cannot be redeemed because its session was ended.
func (r *Run) refuses(s sketch) { r.Send(refreshRequest(bodyWith(s.sign(), "10")), revoked()) }

func (r *Run) redeems(s sketch) {
	r.Send(refreshRequest(bodyWith(s.sign(), "10")), Want{Status: http.StatusOK})
}

// sameSessionCases: a session that was ended stays ended, whatever else is written into its tokens.
func sameSessionCases() []Case {
	same := func(name, rule string, other func(sketch) sketch) Case {
		return Case{Name: "revokeToken/logout/" + name, Rule: rule, Produces: http.StatusNoContent, Run: func(r *Run) {
			s := r.person()
			r.redeems(other(s))
			r.revoke(s.sign())
			r.refuses(other(s))
		}}
	}
	return []Case{
		same("later token", "A later token of the same session is refused too.", func(s sketch) sketch {
			return s.claim("exp", number(time.Now().Unix()+40*24*3600)).claim("iat", number(time.Now().Unix()+1))
		}),
		same("jti spelled with escapes", "The session is the same however its jti is written.", escapedID),
		same("foreign sid", "A sid that is no session ID of this server moves no token to another session.", func(s sketch) sketch {
			return s.claim("sid", quote(strings.Repeat("G", 64))).claim("gen", "1")
		}),
		{
			Name: "revokeToken/logout/with an expired token", Produces: http.StatusNoContent,
			Rule: "A token that has expired ends the younger tokens of its session.",
			Run: func(r *Run) {
				s := r.person()
				r.revoke(s.claim("iat", "1611317619").claim("exp", "1611318219").sign())
				r.refuses(s)
			},
		},
		{
			Name: "revokeToken/refused/ends nothing", Produces: http.StatusUnprocessableEntity,
			Rule: "A forged token ends nothing, else anybody could log anybody out.",
			Run: func(r *Run) {
				s := r.person()
				forged := s
				forged.key = []byte("another secret, long enough for HS256, and wrong")
				r.Send(revokeRequest(forged.sign()), refused(signature))
				r.redeems(s)
			},
		},
		{
			Name: "revokeToken/body/limit", Rule: "Logging out has no limit.", Produces: http.StatusBadRequest,
			Run: func(r *Run) {
				body := bodyWith(r.person().sign(), "10")
				r.Send(revokeToken().request(r, body), Want{
					Status: http.StatusBadRequest, Kind: "bad_request", Message: "Request is not valid", Causes: []string{"limit: is not known"},
				})
			},
		},
	}
}

// escapedID writes the first character of jti as an escape.
func escapedID(s sketch) sketch {
	at := slices.IndexFunc(s.claims, func(m member) bool { return m.name == "jti" })
	plain := strings.Trim(s.claims[at].value, `"`)
	return s.claim("jti", `"\u00`+hex.EncodeToString([]byte(plain[:1]))+plain[1:]+`"`)
}

// value is the text of a claim, a JSON string or number.
func (s sketch) value(name string) string {
	at := slices.IndexFunc(s.claims, func(m member) bool { return m.name == name })
	return s.claims[at].value
}

func endCases() []Case {
	return []Case{
		{
			Name: "createRevocation/identity/again", Produces: http.StatusOK, Slow: true,
			Rule: "To end all sessions of an identity again ends those that began meanwhile.",
			Run: func(r *Run) {
				who := object{{"identity", quote(somebody())}}
				first := r.end(who)
				s := r.person().claim("identity", who[0].value).claim("iat", number(first.RevokedAt+1))
				r.redeems(s)
				for first.RevokedAt >= time.Now().Unix()-1 && r.ctx.Err() == nil {
					time.Sleep(50 * time.Millisecond)
				}
				if second := r.end(who); second.Sequence <= first.Sequence || second.RevokedAt <= first.RevokedAt {
					r.Breach("first %+v, then %+v", first, second)
				}
				r.refuses(s)
			},
		},
		{
			Name: "createRevocation/identity/its access tokens", Produces: http.StatusOK,
			Rule: "The access tokens of an identity whose sessions were ended do not open these routes any more.",
			Run: func(r *Run) {
				s := r.administrator().claim("identity", quote(somebody()))
				q := Request{Method: http.MethodGet, Path: revocationsPath + "?limit=1", Header: http.Header{"Authorization": {"Bearer " + s.sign()}}}
				r.Send(q, Want{Status: http.StatusOK})
				r.end(object{{"identity", s.value("identity")}})
				r.Send(q, Want{
					Status: http.StatusUnauthorized, Kind: "unauthorized", Message: "Access token is missing or not valid",
					Causes: revoked().Causes,
				})
			},
		},
		{
			Name: "createRevocation/session/of a token", Exact: true, Produces: http.StatusOK,
			Rule: "One session ends and no other: the one that issuer, identity and jti make.",
			Run: func(r *Run) {
				s := r.person()
				r.end(object{{"session", quote(sessionID(r.Issuer, plain(s.value("identity")), plain(s.value("jti"))))}})
				r.refuses(s)
				r.redeems(s.claim("jti", quote(rand.Text())))
			},
		},
	}
}

func plain(quoted string) string { return strings.Trim(quoted, `"`) }

// sessionID is what this server calls the session of a token with jti: SHA-256 over issuer, identity and jti, each after its
// length in eight bytes.
func sessionID(parts ...string) string {
	var b []byte
	for _, p := range parts {
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(p))), p...)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func walkCases() []Case {
	return []Case{
		{
			Name: "listRevocations/page/walk", Produces: http.StatusOK,
			Rule: "Pages neither skip nor repeat: next leads on through all that was there.",
			Run: func(r *Run) {
				var made []int64
				for range 5 {
					made = append(made, r.end(object{{"identity", quote(somebody())}}).Sequence)
				}
				r.walk(made)
			},
		},
		{
			Name: "listRevocations/page/default", Rule: "Without limit a page has at most 100.", Produces: http.StatusOK,
			Run: func(r *Run) {
				if n := len(r.listed("").Revocations); n > 100 {
					r.Breach("a page of %d", n)
				}
			},
		},
		{
			Name: "listRevocations/caller/twice", Rule: "A request has one caller.", Produces: http.StatusUnauthorized,
			Run: func(r *Run) {
				q := r.list("")
				q.Header["Authorization"] = append(q.Header["Authorization"], "Bearer "+r.administrator().sign())
				r.Send(q, Want{Status: http.StatusUnauthorized, Kind: "unauthorized", Message: "Access token is missing or not valid"})
			},
		},
	}
}

// walk goes through pages of two until all sequences of made have come, the last first.
func (r *Run) walk(made []int64) {
	last, query := int64(1<<62), "limit=2"
	for range 100 {
		p := r.listed(query)
		for _, one := range p.Revocations {
			if one.Sequence >= last {
				r.Breach("sequence %d after %d", one.Sequence, last)
			}
			last = one.Sequence
			if n := len(made); n > 0 && one.Sequence == made[n-1] {
				made = made[:n-1]
			}
		}
		if len(made) == 0 {
			return
		}
		if p.Next == nil || len(p.Revocations) != 2 {
			break
		}
		query = "limit=2&before=" + number(*p.Next)
	}
	r.Breach("%d revocations did not come on the pages", len(made))
}

func sessionMethods() []Case {
	want := Want{Status: http.StatusMethodNotAllowed, Kind: "method_not_allowed", Message: "Method not allowed"}
	var all []Case
	for _, o := range []struct {
		path    string
		allowed []string
	}{
		{revokePath, []string{http.MethodPost}},
		{revocationsPath, []string{http.MethodGet, http.MethodPost}},
	} {
		all = append(all, Case{
			Name: "everywhere/other method/DELETE " + o.path, Rule: "A method that a path does not have is a 405 envelope with Allow.",
			Run: func(r *Run) {
				a := r.Send(Request{Method: http.MethodDelete, Path: o.path}, want)
				for _, method := range o.allowed {
					r.allows(a, method)
				}
			},
		})
	}
	return all
}
