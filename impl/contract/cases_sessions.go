package contract

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

type listedSession struct {
	ID        string `json:"id"`
	Started   int64  `json:"started"`
	LastUsed  int64  `json:"last_used"`
	Expires   int64  `json:"expires"`
	UserAgent string `json:"user_agent"`
	Current   bool   `json:"current"`
}

// sessionsOf asks for a list that must be answered.
func (r *Run) sessionsOf(q Request) []listedSession {
	a := r.send(q, ok())
	var list struct{ Sessions []listedSession }
	if a.Status == http.StatusOK && (json.Unmarshal(a.Body, &list) != nil || list.Sessions == nil) {
		r.breach("a list of sessions must be JSON", "%s", excerpt(a.Body))
	}
	return list.Sessions
}

// own asks for the sessions of an identity, as that identity.
func (r *Run) own(identity string) []listedSession {
	return r.sessionsOf(get(sessionsPath, "", r.owner(identity)))
}

// wantSessions checks the length of a list.
func (r *Run) wantSessions(list []listedSession, want int) bool {
	if len(list) != want {
		r.breach("a list must have every session of the identity and no other",
			"it has %d, want %d", len(list), want)
	}
	return len(list) == want
}

func sessionCases() []Case {
	return slices.Concat(listSessionsCases(), endSessionCases(), notEnabledCases())
}

func listSessionsCases() []Case {
	all := []Case{
		{
			Name:     "listSessions/own/all of them",
			Left:     needsRotation,
			Produces: http.StatusOK,
			Rule: "The list has the caller's own sessions, the last used first, each with the client " +
				"that used it.",
			Run: (*Run).listsOwn,
		},
		{
			Name:     "listSessions/anybody's/administrator",
			Left:     needsRotation,
			Produces: http.StatusOK,
			Rule:     "An administrator who has just logged in sees the sessions of any identity.",
			Run: func(r *Run) {
				s := r.person()
				r.rotated(s.sign())
				query := "identity=" + url.QueryEscape(s.identity())
				r.wantSessions(r.sessionsOf(get(sessionsPath, query, r.administrator())), 1)
			},
		},
	}
	all = append(all, Case{
		Name:     "listSessions/parameter/shortest identity",
		Left:     needsRotation,
		Produces: http.StatusOK,
		Rule:     "An identity may have a single character.",
		Run:      func(r *Run) { r.sessionsOf(get(sessionsPath, "identity=x", r.administrator())) },
	})
	for _, query := range []string{"limit=0", "limit=1001", "limit=ten", "identity="} {
		all = append(all, Case{
			Name:     "listSessions/parameter/" + query,
			Rule:     "A parameter out of its range is rejected.",
			Produces: http.StatusBadRequest,
			Run:      func(r *Run) { r.send(get(sessionsPath, query, r.administrator()), badRequest()) },
		})
	}
	return all
}

func (r *Run) listsOwn() {
	who := newIdentity()
	r.wantSessions(r.own(who), 0)
	r.rotated(r.sketch().claim("identity", quote(who)).sign())
	q := refreshRequest(bodyWith(r.sketch().claim("identity", quote(who)).sign(), "10"))
	q.Header.Set("User-Agent", "contract kit "+strings.Repeat("é", 300))
	a := r.send(q, ok())
	var g grant
	if json.Unmarshal(a.Body, &g) != nil {
		return
	}
	q = get(sessionsPath, "limit=1000", r.owner(who))
	q.Header.Set("Authorization", "Bearer "+g.AccessToken)
	list := r.sessionsOf(q)
	if !r.wantSessions(list, 2) {
		return
	}
	if list[0].Current == list[1].Current || list[0].LastUsed < list[1].LastUsed {
		r.breach(
			"a list must begin with the last used session and mark the current one",
			"it is %+v",
			list,
		)
	}
	for _, one := range list {
		right := strings.HasPrefix(one.UserAgent, "contract kit éé") &&
			len([]rune(one.UserAgent)) == 200
		if one.Current && !right {
			r.breach(
				"user_agent must be the first 200 characters of User-Agent",
				"it is %q",
				one.UserAgent,
			)
		}
	}
	r.wantSessions(r.sessionsOf(get(sessionsPath, "limit=1", r.owner(who))), 1)
}

func endSessionCases() []Case {
	return []Case{
		{
			Name:     "endSession/own/ends",
			Left:     needsRotation,
			Produces: http.StatusNoContent,
			Rule: "A user may revoke an own session, also twice. Its refresh tokens and access tokens " +
				"are rejected from then on.",
			Run: func(r *Run) {
				s := r.person()
				access, successor := r.rotated(s.sign())
				list := r.own(s.identity())
				if !r.wantSessions(list, 1) {
					return
				}
				for range 2 {
					r.send(
						endSession(r.owner(s.identity()), list[0].ID),
						Want{Status: http.StatusNoContent},
					)
				}
				r.send(refreshRequest(bodyWith(successor, "10")), revoked())
				q := get(sessionsPath, "", s)
				q.Header.Set("Authorization", "Bearer "+access)
				r.send(q, unauthorized())
				r.wantSessions(r.own(s.identity()), 0)
			},
		},
		{
			Name:     "endSession/somebody else's/not found",
			Left:     needsRotation,
			Produces: http.StatusNotFound,
			Rule: "Another user's session is not found, and neither is one that does not exist. An " +
				"administrator who has just logged in may revoke any session.",
			Run: func(r *Run) {
				s := r.person()
				_, successor := r.rotated(s.sign())
				list := r.own(s.identity())
				if !r.wantSessions(list, 1) {
					return
				}
				id := list[0].ID
				r.send(endSession(r.owner(newIdentity()), id), notFound())
				r.send(endSession(r.administrator().claim("fresh", "false"), id), notFound())
				for _, other := range []string{strings.Repeat("a", 64), strings.ToUpper(id), "x", id + "0"} {
					r.send(endSession(r.owner(s.identity()), other), notFound())
				}
				r.rotated(successor)
				r.send(endSession(r.administrator(), id), Want{Status: http.StatusNoContent})
				r.send(refreshRequest(bodyWith(successor, "10")), revoked())
			},
		},
	}
}

func notEnabledCases() []Case {
	off := func(name string, request func(*Run) Request) Case {
		return Case{
			Name:     name + "/off/not enabled",
			Left:     needsNoRotation,
			Produces: http.StatusNotImplemented,
			Rule:     "Without rotation the server has no list of sessions, and the answer says so.",
			Run: func(r *Run) {
				a := r.send(request(r), notEnabled())
				if len(a.envelope().Causes) != 1 {
					r.breach(
						"a 501 must have one cause that names the setting",
						"it has %q",
						a.envelope().Causes,
					)
				}
			},
		}
	}
	return []Case{
		off(
			"listSessions",
			func(r *Run) Request { return get(sessionsPath, "", r.owner(r.identity)) },
		),
		off("endSession", func(r *Run) Request {
			return endSession(r.owner(r.identity), strings.Repeat("a", 64))
		}),
	}
}
