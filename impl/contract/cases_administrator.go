package contract

import (
	"net/http"
	"strings"
)

// badCaller is an Authorization that must not do: 401 if it is no acceptable access token, 403 if it does not allow this.
type badCaller struct {
	name, rule string
	status     int
	cause      string // judged where Target.Exact is set
	header     func(sketch) string
}

func administratorCases() []Case {
	var all []Case
	for _, request := range []struct {
		operation string
		request   func(*Run) Request
	}{
		{"createRevocation", createRevocation().acceptable},
		{"listRevocations", func(r *Run) Request { return r.list("") }},
	} {
		for _, b := range badCallers() {
			all = append(all, b.asCase(request.operation, request.request))
		}
	}
	return append(all, Case{
		Name: "createRevocation/caller/before the body", Rule: "Whoever may not do it learns nothing about their request body.", Produces: http.StatusUnauthorized,
		Run: func(r *Run) {
			q := createRevocation().request(r, "{")
			q.Header.Del("Authorization")
			r.Send(q, Want{Status: http.StatusUnauthorized, Kind: "unauthorized", Refuses: true})
		},
	})
}

func (b badCaller) asCase(operation string, request func(*Run) Request) Case {
	return Case{Name: operation + "/caller/" + b.name, Rule: b.rule, Produces: b.status, Run: func(r *Run) {
		q := request(r)
		q.Header.Del("Authorization")
		if value := b.header(r.administrator()); value != "" {
			q.Header.Set("Authorization", value)
		}
		want := Want{Status: b.status, Kind: "forbidden", Message: "Not allowed", Causes: []string{b.cause}}
		if b.status == http.StatusUnauthorized {
			want.Kind, want.Message = "unauthorized", "Access token is missing or not valid"
		}
		a := r.Send(q, want)
		if challenge := a.Header.Get("WWW-Authenticate"); b.status == http.StatusUnauthorized && !strings.HasPrefix(challenge, "Bearer") {
			r.Breach("WWW-Authenticate is %q, want Bearer", challenge)
		}
	}}
}

func badCallers() []badCaller {
	const (
		nobody   = "Authorization: must be Bearer and an access token"
		notAdmin = "the access token is not an administrator's"
		notFresh = "the access token is not fresh: log in again"
	)
	bearer := func(name, rule string, status int, cause string, change func(sketch) sketch) badCaller {
		return badCaller{name, rule, status, cause, func(s sketch) string { return "Bearer " + change(s).sign() }}
	}
	return []badCaller{
		{"nobody", "An access token is required.", http.StatusUnauthorized, nobody, func(sketch) string { return "" }},
		{"Basic", "The scheme is Bearer.", http.StatusUnauthorized, nobody, func(sketch) string { return "Basic YWRtaW46YWRtaW4=" }},
		{"no token", "Bearer alone is nobody.", http.StatusUnauthorized, malformed, func(sketch) string { return "Bearer " }},
		{"a word", "The token must be a token.", http.StatusUnauthorized, malformed, func(sketch) string { return "Bearer hello" }},
		bearer("refresh token", "A refresh token is no access token.", http.StatusUnauthorized, "token is not an access token", func(s sketch) sketch {
			return s.claim("type", "1").claim("fresh", "false")
		}),
		bearer("no type", "An access token has type 0.", http.StatusUnauthorized, "token is not an access token", func(s sketch) sketch { return s.without("type") }),
		bearer("expired", "An expired access token is refused.", http.StatusUnauthorized, "token has expired", func(s sketch) sketch { return s.claim("exp", "1611318219") }),
		bearer("forged", "An access token that somebody else signed is refused.", http.StatusUnauthorized, signature, func(s sketch) sketch {
			s.key = []byte("another secret, long enough for HS256, and wrong")
			return s
		}),
		bearer("is_admin in quotes", "is_admin must be exactly true.", http.StatusUnauthorized, malformed, func(s sketch) sketch { return s.claim("is_admin", `"true"`) }),
		bearer("not an administrator", "Only administrators may do this.", http.StatusForbidden, notAdmin, func(s sketch) sketch { return s.claim("is_admin", "false") }),
		bearer("no is_admin", "Only administrators may do this.", http.StatusForbidden, notAdmin, func(s sketch) sketch { return s.without("is_admin") }),
		bearer("not fresh", "A token that is not fresh cannot do admin work.", http.StatusForbidden, notFresh, func(s sketch) sketch { return s.claim("fresh", "false") }),
		bearer("no fresh", "A token that is not fresh cannot do admin work.", http.StatusForbidden, notFresh, func(s sketch) sketch { return s.without("fresh") }),
	}
}
