package contract

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const sessionsPath = "/api/v1/sessions"

func needsRotation(t Target) string {
	if !t.Rotation {
		return "the deployment does not rotate refresh tokens"
	}
	return ""
}

func needsNoRotation(t Target) string {
	if t.Rotation {
		return "the deployment rotates refresh tokens"
	}
	return ""
}

// unless gives the first reason of several to leave a case out.
func unless(reasons ...func(Target) string) func(Target) string {
	return func(t Target) string {
		for _, reason := range reasons {
			if why := reason(t); why != "" {
				return why
			}
		}
		return ""
	}
}

func rotationCases() []Case {
	return slices.Concat(successorCases(), listSessionsCases(), endSessionCases(), notEnabledCases(), sessionCallers(),
		failures("listSessions", func(r *Run) Request { return r.sessions(r.owner(quote(somebody())), "") }),
		failures("endSession", func(r *Run) Request { return r.endSession(r.owner(quote(somebody())), strings.Repeat("a", 64)) }))
}

// owner is the access token of somebody who logged in a while ago.
func (t Target) owner(identity string) sketch {
	return t.administrator().claim("identity", identity).claim("is_admin", "false").claim("fresh", "false")
}

func (r *Run) sessions(caller sketch, query string) Request {
	q := Request{Method: http.MethodGet, Path: sessionsPath, Header: http.Header{"Authorization": {"Bearer " + caller.sign()}}}
	if query != "" {
		q.Path += "?" + query
	}
	return q
}

func (r *Run) endSession(caller sketch, id string) Request {
	q := r.sessions(caller, "")
	q.Method, q.Path = http.MethodDelete, sessionsPath+"/"+id
	return q
}

// rotated redeems a refresh token and returns the access token and the successor.
func (r *Run) rotated(raw string) (access, successor string) {
	a := r.Send(refreshRequest(bodyWith(raw, "10")), Want{Status: http.StatusOK})
	var g struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
	}
	if a.Status == http.StatusOK && (json.Unmarshal(a.Body, &g) != nil || g.RefreshToken == "") {
		r.Breach("the answer has no refresh_token")
	}
	return g.AccessToken, g.RefreshToken
}

func successorCases() []Case {
	return []Case{
		{
			Name: "refreshToken/rotation/successor", Left: needsRotation, Produces: http.StatusOK,
			Rule: "Each refresh gives a refresh token, which is redeemed in its turn; whoever asks again gets the same one.",
			Run: func(r *Run) {
				first := r.person().sign()
				_, successor := r.rotated(first)
				if successor == first {
					r.Breach("the successor is the login's token")
				}
				if _, again := r.rotated(first); again != successor {
					r.Breach("a retry gets another successor")
				}
				r.rotated(successor)
				if _, again := r.rotated(first); again != successor {
					r.Breach("another tab gets another successor")
				}
			},
		},
		{
			Name: "refreshToken/rotation/logout", Left: needsRotation, Produces: http.StatusUnprocessableEntity,
			Rule: "Whichever token of a session is revoked, all of them are.",
			Run: func(r *Run) {
				for _, newest := range []bool{false, true} {
					first := r.person().sign()
					_, successor := r.rotated(first)
					if newest {
						r.revoke(successor)
					} else {
						r.revoke(first)
					}
					r.Send(refreshRequest(bodyWith(first, "10")), revoked())
					r.Send(refreshRequest(bodyWith(successor, "10")), revoked())
				}
			},
		},
		{
			Name: "refreshToken/rotation/off", Left: needsNoRotation, Produces: http.StatusOK,
			Rule: "Without rotation the answer has the two documented fields and no other.",
			Run: func(r *Run) {
				a := r.Send(refreshRequest(bodyWith(r.sketch().sign(), "10")), Want{Status: http.StatusOK})
				var fields map[string]any
				if json.Unmarshal(a.Body, &fields) == nil && len(fields) != 2 {
					r.Breach("the answer has %d fields", len(fields))
				}
			},
		},
	}
}

type listedSession struct {
	ID        string `json:"id"`
	Started   int64  `json:"started"`
	LastUsed  int64  `json:"last_used"`
	Expires   int64  `json:"expires"`
	UserAgent string `json:"user_agent"`
	Current   bool   `json:"current"`
}

// sessionsOf asks for a list that must be given.
func (r *Run) sessionsOf(q Request) []listedSession {
	a := r.Send(q, Want{Status: http.StatusOK})
	var list struct{ Sessions []listedSession }
	if a.Status == http.StatusOK && (json.Unmarshal(a.Body, &list) != nil || list.Sessions == nil) {
		r.Breach("the list cannot be read")
	}
	return list.Sessions
}

func listSessionsCases() []Case {
	all := []Case{
		{
			Name: "listSessions/own/all of them", Left: needsRotation, Produces: http.StatusOK,
			Rule: "Whoever asks gets their own sessions, those used last first, with the client that used them.",
			Run: func(r *Run) {
				who := quote(somebody())
				if list := r.sessionsOf(r.sessions(r.owner(who), "")); len(list) != 0 {
					r.Breach("%d sessions before the first", len(list))
				}
				r.rotated(r.person().claim("identity", who).sign())
				q := refreshRequest(bodyWith(r.person().claim("identity", who).sign(), "10"))
				q.Header.Set("User-Agent", "contract kit "+strings.Repeat("é", 300))
				a := r.Send(q, Want{Status: http.StatusOK})
				var g grant
				if json.Unmarshal(a.Body, &g) != nil {
					return
				}
				q = r.sessions(r.owner(who), "limit=1000")
				q.Header.Set("Authorization", "Bearer "+g.AccessToken)
				list := r.sessionsOf(q)
				if len(list) != 2 || list[0].Current == list[1].Current || list[0].LastUsed < list[1].LastUsed {
					r.Breach("the list is not the two sessions: %+v", list)
				}
				for _, one := range list {
					if ua := one.UserAgent; one.Current && (!strings.HasPrefix(ua, "contract kit éé") || len([]rune(ua)) != 200) {
						r.Breach("the user agent is %q", ua)
					}
				}
				if list := r.sessionsOf(r.sessions(r.owner(who), "limit=1")); len(list) != 1 {
					r.Breach("limit=1 gives %d sessions", len(list))
				}
			},
		},
		{
			Name: "listSessions/anybody's/administrator", Left: needsRotation, Produces: http.StatusOK,
			Rule: "An administrator who just logged in sees the sessions of any identity.",
			Run: func(r *Run) {
				who := somebody()
				r.rotated(r.person().claim("identity", quote(who)).sign())
				if list := r.sessionsOf(r.sessions(r.administrator(), "identity="+url.QueryEscape(who))); len(list) != 1 {
					r.Breach("%d sessions, want 1", len(list))
				}
			},
		},
	}
	for _, query := range []string{"limit=0", "limit=1001", "limit=ten", "identity="} {
		all = append(all, Case{
			Name: "listSessions/parameter/" + query, Rule: "A parameter out of its range is refused.", Produces: http.StatusBadRequest,
			Run: func(r *Run) {
				r.Send(r.sessions(r.administrator(), query), Want{Status: http.StatusBadRequest, Kind: "bad_request"})
			},
		})
	}
	return all
}

func endSessionCases() []Case {
	noSession := Want{Status: http.StatusNotFound, Kind: "not_found", Message: "Not found"}
	return []Case{
		{
			Name: "endSession/own/ends", Left: needsRotation, Produces: http.StatusNoContent,
			Rule: "Whoever ends a session of theirs ends its refresh tokens and its access tokens, and may do so twice.",
			Run: func(r *Run) {
				who := quote(somebody())
				access, successor := r.rotated(r.person().claim("identity", who).sign())
				list := r.sessionsOf(r.sessions(r.owner(who), ""))
				if len(list) != 1 {
					r.Breach("%d sessions, want 1", len(list))
					return
				}
				r.Send(r.endSession(r.owner(who), list[0].ID), Want{Status: http.StatusNoContent})
				r.Send(r.endSession(r.owner(who), list[0].ID), Want{Status: http.StatusNoContent})
				r.Send(refreshRequest(bodyWith(successor, "10")), revoked())
				q := r.sessions(r.owner(who), "")
				q.Header.Set("Authorization", "Bearer "+access)
				r.Send(q, Want{Status: http.StatusUnauthorized, Kind: "unauthorized"})
				if list := r.sessionsOf(r.sessions(r.owner(who), "")); len(list) != 0 {
					r.Breach("the session is listed though it has ended")
				}
			},
		},
		{
			Name: "endSession/somebody else's/not found", Left: needsRotation, Produces: http.StatusNotFound,
			Rule: "Somebody else's session is not found, nor is one that there never was; an administrator who just logged in may end it.",
			Run: func(r *Run) {
				who := quote(somebody())
				_, successor := r.rotated(r.person().claim("identity", who).sign())
				list := r.sessionsOf(r.sessions(r.owner(who), ""))
				if len(list) != 1 {
					r.Breach("%d sessions, want 1", len(list))
					return
				}
				r.Send(r.endSession(r.owner(quote(somebody())), list[0].ID), noSession)
				r.Send(r.endSession(r.administrator().claim("fresh", "false"), list[0].ID), noSession)
				for _, id := range []string{strings.Repeat("a", 64), strings.ToUpper(list[0].ID), "x", list[0].ID + "0"} {
					r.Send(r.endSession(r.owner(who), id), noSession)
				}
				r.rotated(successor)
				r.Send(r.endSession(r.administrator(), list[0].ID), Want{Status: http.StatusNoContent})
				r.Send(refreshRequest(bodyWith(successor, "10")), revoked())
			},
		},
	}
}

func notEnabledCases() []Case {
	off := func(name string, request func(*Run) Request) Case {
		return Case{
			Name: name + "/off/not enabled", Left: needsNoRotation, Produces: http.StatusNotImplemented,
			Rule: "Where refresh tokens are not rotated no session is known by name, and the answer says so.",
			Run: func(r *Run) {
				a := r.Send(request(r), Want{Status: http.StatusNotImplemented, Kind: "not_enabled", Message: "Not enabled on this server"})
				if len(a.Envelope().Causes) != 1 {
					r.Breach("no cause says what is off")
				}
			},
		}
	}
	return []Case{
		off("listSessions", func(r *Run) Request { return r.sessions(r.owner(quote(somebody())), "") }),
		off("endSession", func(r *Run) Request { return r.endSession(r.owner(quote(somebody())), strings.Repeat("a", 64)) }),
	}
}

// sessionCallers: what is nobody's access token, and what does not allow to ask for others.
func sessionCallers() []Case {
	var all []Case
	for _, b := range badCallers() {
		if b.status == http.StatusForbidden {
			all = append(all, b.asCase("listSessions", func(r *Run) Request { return r.sessions(r.administrator(), "identity=another") }))
			continue
		}
		all = append(all, b.asCase("listSessions", func(r *Run) Request { return r.sessions(r.administrator(), "") }),
			b.asCase("endSession", func(r *Run) Request { return r.endSession(r.administrator(), strings.Repeat("a", 64)) }))
	}
	return all
}
