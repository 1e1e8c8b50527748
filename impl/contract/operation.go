package contract

import (
	"net/http"
	"strings"
	"time"
)

const (
	refreshPath     = "/api/v1/refresh"
	revokePath      = "/api/v1/revoke"
	revocationsPath = "/api/v1/admin/revocations"
)

// operation is an operation that takes a body, as the cases see it that hold for all of them.
type operation struct {
	id, path string
	// success is the status of an acceptable body, and members are such a body, new each time.
	success int
	members func(r *Run) object
	// admin operations need the access token of an administrator.
	admin bool
}

func refreshToken() operation {
	return operation{id: "refreshToken", path: refreshPath, success: http.StatusOK, members: func(r *Run) object {
		return object{{"refresh_token", quote(r.sketch().sign())}, {"limit", "10"}}
	}}
}

func revokeToken() operation {
	return operation{id: "revokeToken", path: revokePath, success: http.StatusNoContent, members: func(r *Run) object {
		return object{{"refresh_token", quote(r.sketch().sign())}}
	}}
}

func createRevocation() operation {
	return operation{id: "createRevocation", path: revocationsPath, success: http.StatusOK, admin: true, members: func(*Run) object {
		return object{{"identity", quote(somebody())}, {"reason", `"contract kit"`}}
	}}
}

// operations are all that take a body.
func operations() []operation {
	return []operation{refreshToken(), revokeToken(), createRevocation()}
}

// request is a request of the operation with everything but the body as it should be.
func (o operation) request(r *Run, body string) Request {
	q := Request{Method: http.MethodPost, Path: o.path, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
	if o.admin {
		q.Header.Set("Authorization", "Bearer "+r.administrator().sign())
	}
	return q
}

// acceptable is a request that must succeed.
func (o operation) acceptable(r *Run) Request {
	return o.request(r, o.members(r).String())
}

// administrator is the access token of an administrator who just logged in.
func (t Target) administrator() sketch {
	s := t.sketch().claim("type", "0").claim("fresh", "true").claim("is_admin", "true").claim("identity", `"contract.kit.admin@example.com"`)
	return s.claim("exp", number(time.Now().Unix()+600))
}

// somebody is an identity that no one else has.
func somebody() string { return "contract.kit+" + number(time.Now().UnixNano()) + "@example.com" }

// fill replaces MEMBERS in a template by the members of an acceptable body, without braces, and TOKEN by an acceptable
// refresh token.
func (o operation) fill(r *Run, template string) string {
	text := o.members(r).String()
	filled := strings.ReplaceAll(template, "MEMBERS", text[1:len(text)-1])
	return strings.ReplaceAll(filled, "TOKEN", r.sketch().sign())
}
