package contract

import (
	"net/http"
	"strings"
)

const (
	refreshPath     = "/api/v1/refresh"
	revokePath      = "/api/v1/revoke"
	revocationsPath = "/api/v1/admin/revocations"
	sessionsPath    = "/api/v1/sessions"
	keysPath        = "/.well-known/jwks.json"
)

// operation is an operation that takes a body. Many cases hold for all of them.
type operation struct {
	id, path string
	// success is the status of the answer to an acceptable body.
	success int
	// members returns an acceptable body, another one each time.
	members func(r *Run) object
	// admin says that the operation needs the access token of an administrator.
	admin bool
}

func refreshToken() operation {
	return operation{
		id:      "refreshToken",
		path:    refreshPath,
		success: http.StatusOK,
		members: func(r *Run) object {
			return object{{"refresh_token", quote(r.sketch().sign())}, {"limit", "10"}}
		},
	}
}

func revokeToken() operation {
	return operation{
		id:      "revokeToken",
		path:    revokePath,
		success: http.StatusNoContent,
		members: func(r *Run) object { return object{{"refresh_token", quote(r.sketch().sign())}} },
	}
}

func createRevocation() operation {
	return operation{
		id:      "createRevocation",
		path:    revocationsPath,
		success: http.StatusOK,
		admin:   true,
		members: func(*Run) object {
			return object{{"identity", quote(newIdentity())}, {"reason", `"contract kit"`}}
		},
	}
}

// withBody are the operations that take a body.
func withBody() []operation {
	return []operation{refreshToken(), revokeToken(), createRevocation()}
}

// request returns a request of the operation with this body.
func (o operation) request(r *Run, body string) Request {
	q := Request{
		Method: http.MethodPost,
		Path:   o.path,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(body),
	}
	if o.admin {
		q.Header.Set("Authorization", bearer(r.administrator()))
	}
	return q
}

// acceptable returns a request that must succeed.
func (o operation) acceptable(r *Run) Request { return o.request(r, o.members(r).String()) }

// fill replaces MEMBERS in a template by the members of an acceptable body, without braces, and
// TOKEN by an acceptable refresh token.
func (o operation) fill(r *Run, template string) string {
	text := o.members(r).String()
	filled := strings.ReplaceAll(template, "MEMBERS", text[1:len(text)-1])
	return strings.ReplaceAll(filled, "TOKEN", r.sketch().sign())
}

func bearer(s sketch) string { return "Bearer " + s.sign() }

func refreshRequest(body string) Request {
	return Request{
		Method: http.MethodPost,
		Path:   refreshPath,
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   []byte(body),
	}
}

// bodyWith returns a body with the refresh token and, unless it is "", the text of limit.
func bodyWith(token, limit string) string {
	o := object{{"refresh_token", quote(token)}}
	if limit != "" {
		o = o.add("limit", limit)
	}
	return o.String()
}

func revokeRequest(token string) Request {
	q := refreshRequest(bodyWith(token, ""))
	q.Path = revokePath
	return q
}

// get returns a GET with an access token. query is "" or follows the question mark.
func get(path, query string, caller sketch) Request {
	if query != "" {
		path += "?" + query
	}
	return Request{
		Method: http.MethodGet,
		Path:   path,
		Header: http.Header{"Authorization": {bearer(caller)}},
	}
}

func endSession(caller sketch, id string) Request {
	q := get(sessionsPath+"/"+id, "", caller)
	q.Method = http.MethodDelete
	return q
}

func keysRequest(known ...string) Request {
	q := Request{Method: http.MethodGet, Path: keysPath, Header: http.Header{}}
	if known != nil {
		q.Header["If-None-Match"] = known
	}
	return q
}
