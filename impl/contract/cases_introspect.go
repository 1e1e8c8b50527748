package contract

import (
	"encoding/json"
	"math"
	"net/http"
	"slices"
	"strings"
)

// Credential is an API credential of a deployment.
type Credential struct {
	Name, Secret string
	// Introspects says that the credential has the scope introspect.
	Introspects bool
	// Reads says that the credential has the scope feed.
	Reads bool
}

// ParseCredentials reads the file of --api-credentials.
func ParseCredentials(file []byte) []Credential {
	var all []Credential
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		name, rest, found := strings.Cut(line, ":")
		if !found || line[0] == '#' {
			continue
		}
		secret, scopes, limited := strings.Cut(rest, ":")
		has := func(scope string) bool {
			return !limited || slices.Contains(strings.Split(scopes, ","), scope)
		}
		all = append(all, Credential{
			Name:        name,
			Secret:      secret,
			Introspects: has("introspect"),
			Reads:       has("feed"),
		})
	}
	return all
}

// credential returns a credential that may introspect, or one that may not; nil if there is none.
func (t Target) credential(introspects bool) *Credential {
	for i := range t.Credentials {
		if t.Credentials[i].Introspects == introspects {
			return &t.Credentials[i]
		}
	}
	return nil
}

// introspect asks about a token as HTTP Basic.
func (r *Run) introspection(token string, more ...string) Request {
	one := r.credential(true)
	return form(oauthIntrospectPath, append([]string{"token", token}, more...)...).
		as(basic(one.Name, one.Secret))
}

// active checks the answer about a token. It returns the members.
func (r *Run) active(q Request, want bool) map[string]any {
	a := r.send(q, ok())
	r.notCached(a)
	var members map[string]any
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &members) != nil {
		return nil
	}
	if members["active"] != want {
		r.breach("active must say whether the token is valid now", "it is %v, want %t",
			members["active"], want)
	}
	if !want && len(members) != 1 {
		r.breach("an answer about a token that is not active must have no other member", "%s",
			excerpt(a.Body))
	}
	return members
}

func introspectCases() []Case {
	asks := func(name, rule string, run func(r *Run)) Case {
		return Case{
			Name:     "oauthIntrospect/answer/" + name,
			Rule:     rule,
			Left:     needsCredential,
			Produces: http.StatusOK,
			Run:      run,
		}
	}
	access := asks("access token",
		"The answer has the claims of the token, in the names of RFC 7662.",
		(*Run).introspectsAccess)
	access.Left = unless(needsCredential, needsScope)
	cases := []Case{
		access,
		asks("claims of other types", "Members of RFC 7662 have the types of RFC 7662.",
			(*Run).introspectsOtherTypes),
		asks("with the secret alone", "The secret may be sent as Bearer.", func(r *Run) {
			q := r.introspection(r.owner(r.identity).sign()).as("Bearer " + r.credential(true).Secret)
			r.active(q, true)
		}),
		asks("not active", "A token that is not valid is not active.", func(r *Run) {
			tokens := []string{
				"hello",
				r.owner(r.identity).forged().sign(),
				r.owner(r.identity).claim("iat", number(longAgo-60)).claim("exp", number(longAgo)).sign(),
				r.owner(r.identity).claim("nbf", number(r.now()+300)).sign(),
				r.sketch().sign(), // a refresh token
			}
			if r.Issuer != "" {
				tokens = append(tokens, r.owner(r.identity).claim("iss", `"another"`).sign())
			}
			if r.Audience != "" {
				tokens = append(tokens, r.owner(r.identity).claim("aud", `"another"`).sign())
			}
			for _, token := range tokens {
				r.active(r.introspection(token), false)
			}
		}),
		asks("after a logout", "The logout of a session counts.", func(r *Run) {
			token := r.person().sign()
			tokens, _ := r.exchanged(oauthRefresh(token))
			r.active(r.introspection(tokens.AccessToken), true)
			r.send(oauthLogout(token), ok())
			r.active(r.introspection(tokens.AccessToken), false)
		}),
		asks("refresh token", "A refresh token is active if the request asks about one.", func(r *Run) {
			hint := []string{"token_type_hint", "refresh_token"}
			s := r.person()
			r.active(r.introspection(s.sign(), hint...), true)
			r.revoke(s.sign())
			r.active(r.introspection(s.sign(), hint...), false)
		}),
		asks("another hint", "A hint never hides a token of another kind (RFC 7662, section 2.1).",
			(*Run).introspectsWithHints),
		asks("after a sign-out", "The sign-out of an identity counts.", func(r *Run) {
			identity := newIdentity()
			token := r.owner(identity).claim("iat", number(r.now()-60)).sign()
			r.active(r.introspection(token), true)
			r.send(createRevocation().request(r, object{{"identity", quote(identity)}}.String()), ok())
			r.active(r.introspection(token), false)
		}),
		{
			Name:     "oauthIntrospect/failure/store away, refresh token",
			Rule:     "A refresh token is not called inactive while its revocation is not known.",
			Left:     needsCredential,
			Broken:   StoreUnavailable,
			Produces: http.StatusServiceUnavailable,
			Run: func(r *Run) {
				q := r.introspection(r.sketch().sign(), "token_type_hint", "refresh_token")
				r.retriesAfter(r.send(q, unavailable()), 1<<31)
			},
		},
		{
			Name:     "oauthIntrospect/refused/without token",
			Rule:     "token is required.",
			Left:     needsCredential,
			Produces: http.StatusBadRequest,
			Run: func(r *Run) {
				q := r.introspection("a")
				for _, body := range []string{"token_type_hint=access_token", "token="} {
					q.Body = []byte(body)
					r.describes(r.send(q, missingParameter("token: is required")))
				}
			},
		},
	}
	return slices.Concat(cases, credentialCases(), oauthCommon(oauthOperation{
		id:         "oauthIntrospect",
		path:       oauthIntrospectPath,
		acceptable: func(r *Run) Request { return r.introspection(r.owner(r.identity).sign()) },
		left:       needsCredential,
		required:   "token",
	}))
}

func (r *Run) introspectsAccess() {
	s := r.owner(r.identity).claim("scope", `"read"`).claim("azp", `"web app"`).
		claim("active", "false").claim("score", "1.5").claim("note", `"text"`)
	if r.login().identity != "sub" {
		s = s.claim("sub", `"somebody else"`)
	}
	members := r.active(r.introspection(s.sign()), true)
	if members == nil {
		return
	}
	for name, want := range map[string]any{
		"sub":        r.identity,
		"token_type": "Bearer",
		"scope":      "read",
		"client_id":  "web app",
		"note":       "text",
		"score":      1.5,
	} {
		if members[name] != want {
			r.breach("an introspection must have the member "+name+" of the token", "it is %v",
				members[name])
		}
	}
	for _, name := range []string{"exp", "iat"} {
		if n, ok := members[name].(float64); !ok || number(int64(n)) != s.value(name) {
			r.breach("an introspection must have the time "+name+" of the token", "it is %v",
				members[name])
		}
	}
}

func (r *Run) introspectsOtherTypes() {
	s := r.owner(r.identity).claim("scope", `["read"]`).claim("client_id", "7").
		claim("exp", number(r.now()+600)+".5").claim("iat", number(r.now()-60)+".5")
	members := r.active(r.introspection(s.sign()), true)
	for _, name := range []string{"scope", "client_id"} {
		if _, found := members[name]; found {
			r.breach(name+" must be absent if the claim is no text", "it is %v", members[name])
		}
	}
	for _, name := range []string{"exp", "iat"} {
		if n, _ := members[name].(float64); n != math.Trunc(n) {
			r.breach(name+" must be a whole number", "it is %v", members[name])
		}
	}
}

func (r *Run) introspectsWithHints() {
	for _, hint := range []string{"refresh_token", "access_token", "pct", ""} {
		q := r.introspection(r.owner(r.identity).sign(), "token_type_hint", hint)
		if members := r.active(q, true); members != nil && members["token_type"] != "Bearer" {
			r.breach("the token_type of an access token must be Bearer", "it is %v",
				members["token_type"])
		}
	}
	q := r.introspection(r.sketch().sign(), "token_type_hint", "access_token")
	r.active(q, false)
}
