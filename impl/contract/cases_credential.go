package contract

import (
	"net/http"
	"strings"
)

// credentialCases are the cases of introspection that are about the API credential.
func credentialCases() []Case {
	return []Case{
		{
			Name:     "oauthIntrospect/credential/missing or wrong",
			Rule:     "Without a credential the answer is 401, and tells nothing about the token.",
			Left:     needsCredential,
			Produces: http.StatusUnauthorized,
			Run:      (*Run).rejectsCredentials,
		},
		{
			Name:     "oauthIntrospect/credential/without the scope",
			Rule:     "A credential without the scope introspect is 403.",
			Left:     needsOtherCredential,
			Produces: http.StatusForbidden,
			Run: func(r *Run) {
				one := r.credential(false)
				q := form(oauthIntrospectPath, "token", "a").as(basic(one.Name, one.Secret))
				r.send(q, forbidden("the API credential does not have the scope introspect"))
			},
		},
		{
			Name:     "oauthIntrospect/credential/opens no other route",
			Rule:     "An API credential is no access token.",
			Left:     needsCredential,
			Produces: http.StatusOK,
			Run:      (*Run).opensNothingElse,
		},
	}
}

// opensNothingElse sends a credential to the operations that need an access token.
func (r *Run) opensNothingElse() {
	one := r.credential(true)
	for _, sent := range []string{basic(one.Name, one.Secret), "Bearer " + one.Secret} {
		q := form(oauthIntrospectPath, "token", r.owner(r.identity).sign()).as(sent)
		r.active(q, true)
		for _, path := range []string{sessionsPath, revocationsPath, authenticatePath} {
			q := Request{Method: http.MethodGet, Path: path, Header: http.Header{}}
			r.send(q.as(sent), Want{Status: http.StatusUnauthorized, Kind: "unauthorized"})
		}
	}
}

func (r *Run) rejectsCredentials() {
	one := r.credential(true)
	want := invalidClient("Authorization: must be Basic with the name and the secret of an API " +
		"credential, or Bearer with the secret")
	q := form(oauthIntrospectPath, "token", r.owner(r.identity).sign())
	r.challenges(r.send(q, want), "Basic")
	for _, wrong := range []string{
		basic(one.Name, one.Secret+"a"),
		basic("somebody", one.Secret),
		basic("", one.Secret),
		"Digest " + one.Secret,
	} {
		r.challenges(r.send(q.as(wrong), want), "Basic")
	}
	for _, wrong := range []string{one.Secret[1:], r.administrator().sign()} {
		r.challenges(r.send(q.as("Bearer "+wrong), want), "Bearer")
	}
	for _, halves := range [][2]string{
		{basic(one.Name, one.Secret), basic(one.Name, one.Secret)},
		{"Bearer " + one.Secret[:9], one.Secret[9:]},
	} {
		twice := q.as(halves[0])
		twice.Header.Add("Authorization", halves[1])
		r.send(twice, want)
	}
}

// challenges checks that a 401 has a challenge of the scheme that the caller used (RFC 6749,
// section 5.2).
func (r *Run) challenges(a Answer, scheme string) {
	sent := a.Header.Get("WWW-Authenticate")
	if got, _, _ := strings.Cut(sent, " "); a.Status != 0 && !strings.EqualFold(got, scheme) {
		r.breach("the WWW-Authenticate of a 401 must have the scheme "+scheme, "it is %q", sent)
	}
}
