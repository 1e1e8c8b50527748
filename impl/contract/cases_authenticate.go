package contract

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

const authenticatePath = "/api/v1/authenticate"

// authenticated checks that a gateway is told to pass a request on, and returns the answer.
func (r *Run) authenticated(q Request) Answer {
	a := r.send(q, ok())
	if len(a.Body) > 0 {
		r.breach("the answer to a gateway must have no body", "%s", excerpt(a.Body))
	}
	for _, name := range []string{"X-Auth-Identity", "X-Auth-Session", "X-Auth-Claims"} {
		if values := a.Header.Values(name); a.Status == http.StatusOK &&
			(len(values) != 1 || values[0] == "") {
			r.breach("a gateway must receive each header once and never empty", "%s is %q", name,
				values)
		}
	}
	return a
}

func authenticateCases() []Case {
	var all []Case
	for _, o := range []struct {
		id, path string
		caller   func(r *Run) sketch
	}{
		{"authenticate", "", func(r *Run) sketch { return r.owner(r.identity) }},
		{"authenticateFresh", "/fresh", func(r *Run) sketch {
			return r.owner(r.identity).claim("fresh", "true")
		}},
		{"authenticateAdmin", "/admin", (*Run).administrator},
	} {
		path := authenticatePath + o.path
		add := func(name, rule string, produces int, run func(r *Run)) {
			all = append(all, Case{
				Name:     o.id + "/" + name,
				Rule:     rule,
				Produces: produces,
				Run:      run,
			})
		}
		add("answer/access token", "A valid access token is accepted, and the headers tell whose it is.",
			http.StatusOK, func(r *Run) {
				s := o.caller(r)
				r.authenticated(get(path, "", s))
				identity := s.identity()
				a := r.authenticated(get(path, "claims=true", s))
				if got := a.Header.Get("X-Auth-Identity"); got != percent(identity) {
					r.breach("X-Auth-Identity must be the identity", "it is %q", got)
				}
				claims, err := base64.RawURLEncoding.DecodeString(a.Header.Get("X-Auth-Claims"))
				if err != nil || !json.Valid(claims) {
					r.breach("X-Auth-Claims must be JSON in base64url", "it is %s", excerpt(claims))
				}
			})
		add("answer/as gateways ask", "Any method works, and a path behind that of the operation.",
			http.StatusOK, func(r *Run) {
				s := o.caller(r)
				for _, method := range []string{"HEAD", "POST", "PUT", "PATCH", "DELETE"} {
					q := get(path, "", s)
					q.Method = method
					r.authenticated(q)
				}
				suffix := "/orders/7?a;b=%zz"
				if o.path == "" {
					suffix = "/user" + suffix
				}
				r.authenticated(get(path+suffix, "", s))
			})
		add("refused/no access token", "Without a valid access token the answer is 401.",
			http.StatusUnauthorized, func(r *Run) {
				for _, q := range []Request{
					{Method: http.MethodGet, Path: path},
					get(path, "", o.caller(r).forged()),
					get(path, "", r.sketch()),
					get(path, "", o.caller(r).claim("iat", number(longAgo-60)).claim("exp", number(longAgo))),
				} {
					r.send(q, Want{
						Status:  http.StatusUnauthorized,
						Kind:    "unauthorized",
						Message: "Access token is missing or not valid",
					})
				}
			})
		add("refused/claims", "claims is true or false, once.", http.StatusBadRequest, func(r *Run) {
			r.send(get(path, "claims=maybe", o.caller(r)),
				badRequest("claims: has an invalid format"))
		})
		all = append(all, failures(o.id, func(r *Run) Request {
			return get(path, "", o.caller(r))
		})...)
	}
	return append(all,
		Case{
			Name:     "authenticate/refused/after a sign-out",
			Rule:     "The sign-out of an identity counts.",
			Produces: http.StatusUnauthorized,
			Run: func(r *Run) {
				identity := newIdentity()
				s := r.owner(identity).claim("iat", number(r.now()-60))
				r.authenticated(get(authenticatePath, "", s))
				r.send(createRevocation().request(r, object{{"identity", quote(identity)}}.String()), ok())
				r.send(get(authenticatePath, "", s), unauthorized("token is revoked"))
			},
		},
		Case{
			Name:     "authenticateFresh/refused/not fresh",
			Rule:     "A token that is not fresh is 403.",
			Produces: http.StatusForbidden,
			Run: func(r *Run) {
				s := r.owner(r.identity).claim("fresh", "false")
				r.send(get(authenticatePath+"/fresh", "", s),
					forbidden("the access token is not fresh: log in again"))
			},
		},
		Case{
			Name:     "authenticateAdmin/refused/not an administrator",
			Rule:     "A token of another user is 403.",
			Produces: http.StatusForbidden,
			Run: func(r *Run) {
				r.send(get(authenticatePath+"/admin", "", r.owner(r.identity)),
					forbidden("the access token is not an administrator's"))
			},
		})
}

// percent returns an identity as a header has it.
func percent(identity string) string {
	const hex, plain = "0123456789ABCDEF", ".@_+-"
	var b strings.Builder
	for _, c := range []byte(identity) {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
		if letter || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + string(hex[c>>4]) + string(hex[c&15]))
	}
	return b.String()
}
