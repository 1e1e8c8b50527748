package contract

import (
	"net/http"
	"strings"
)

// badCaller is an Authorization that must be rejected: 401 if it is not an acceptable access token,
// 403 if the token does not permit the operation.
type badCaller struct {
	name, rule string
	want       Want
	header     func(*Run, sketch) string
	left       func(Target) string
}

// callerCases are about the caller of each operation that needs an access token.
func callerCases() []Case {
	all := []Case{
		{
			Name:     "createRevocation/caller/before the body",
			Produces: http.StatusUnauthorized,
			Rule:     "A caller without permission learns nothing about the request body.",
			Run: func(r *Run) {
				q := createRevocation().request(r, "{")
				q.Header.Del("Authorization")
				want := unauthorized()
				want.Refuses = true
				r.send(q, want)
			},
		},
		{
			Name:     "listRevocations/caller/twice",
			Produces: http.StatusUnauthorized,
			Rule:     "A request with two access tokens is rejected.",
			Run: func(r *Run) {
				q := get(revocationsPath, "", r.administrator())
				q.Header["Authorization"] = append(
					q.Header["Authorization"],
					bearer(r.administrator()),
				)
				r.send(q, unauthorized())
			},
		},
	}
	list := func(r *Run) Request { return get(revocationsPath, "", r.administrator()) }
	own := func(r *Run) Request { return get(sessionsPath, "", r.administrator()) }
	others := func(r *Run) Request { return get(sessionsPath, "identity=another", r.administrator()) }
	end := func(r *Run) Request { return endSession(r.administrator(), strings.Repeat("a", 64)) }
	for _, b := range badCallers() {
		all = append(
			all,
			b.asCase(
				"createRevocation",
				createRevocation().acceptable,
			),
			b.asCase("listRevocations", list),
		)
		if b.want.Status == http.StatusForbidden {
			all = append(all, b.asCase("listSessions", others))
		} else {
			all = append(all, b.asCase("listSessions", own), b.asCase("endSession", end))
		}
	}
	return all
}

func (b badCaller) asCase(operation string, request func(*Run) Request) Case {
	return Case{
		Name:     operation + "/caller/" + b.name,
		Rule:     b.rule,
		Produces: b.want.Status,
		Left:     b.left,
		Run: func(r *Run) {
			q := request(r)
			q.Header.Del("Authorization")
			if value := b.header(r, r.administrator()); value != "" {
				q.Header.Set("Authorization", value)
			}
			a := r.send(q, b.want)
			challenge := a.Header.Get("WWW-Authenticate")
			if b.want.Status == http.StatusUnauthorized && !strings.HasPrefix(challenge, "Bearer") {
				r.breach(
					"a 401 must have the header WWW-Authenticate: Bearer",
					"it is %q",
					challenge,
				)
			}
		},
	}
}

func badCallers() []badCaller {
	const (
		none      = "Authorization: must be Bearer and an access token"
		notAccess = "token is not an access token"
		admins    = "Only administrators may do this."
		fresh     = "A token that is not fresh does not permit administration."
	)
	notAdmin := forbidden("the access token is not an administrator's")
	notFresh := forbidden("the access token is not fresh: log in again")
	text := func(name, rule, cause, value string) badCaller {
		header := func(*Run, sketch) string { return value }
		return badCaller{name: name, rule: rule, want: unauthorized(cause), header: header}
	}
	token := func(name, rule string, want Want, change func(sketch) sketch) badCaller {
		header := func(_ *Run, s sketch) string { return bearer(change(s)) }
		return badCaller{name: name, rule: rule, want: want, header: header}
	}
	refresh := func(name, cause string, left func(Target) string) badCaller {
		header := func(r *Run, _ sketch) string { return bearer(r.sketch()) }
		const rule = "A refresh token is not an access token."
		return badCaller{name, rule, unauthorized(cause), header, left}
	}
	noType := token("no type", "An access token has type 0.", unauthorized(notAccess),
		func(s sketch) sketch { return s.without("type") })
	noType.left = needsMarkedAccess
	return []badCaller{
		text("nobody", "An access token is required.", none, ""),
		text("Basic", "The scheme is Bearer.", none, "Basic YWRtaW46YWRtaW4="),
		text("no token", "Bearer alone is not an access token.", malformed, "Bearer "),
		text("a word", "The credentials must be a token.", malformed, "Bearer hello"),
		refresh("refresh token", notAccess, needsOneSecret),
		refresh("refresh token of its secret", signature, needsAccessSecret),
		noType,
		token("expired", "An expired access token is rejected.", unauthorized("token has expired"),
			func(s sketch) sketch { return s.claim("exp", number(longAgo)) }),
		token(
			"forged",
			"An access token signed with another key is rejected.",
			unauthorized(signature),
			sketch.forged,
		),
		token("is_admin in quotes", "is_admin must be exactly true.", unauthorized(malformed),
			func(s sketch) sketch { return s.claim("is_admin", `"true"`) }),
		token("not an administrator", admins, notAdmin,
			func(s sketch) sketch { return s.claim("is_admin", "false") }),
		token(
			"no is_admin",
			admins,
			notAdmin,
			func(s sketch) sketch { return s.without("is_admin") },
		),
		token(
			"not fresh",
			fresh,
			notFresh,
			func(s sketch) sketch { return s.claim("fresh", "false") },
		),
		token("no fresh", fresh, notFresh, func(s sketch) sketch { return s.without("fresh") }),
	}
}
