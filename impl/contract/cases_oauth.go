package contract

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

const (
	oauthTokenPath      = "/oauth2/token" //nolint:gosec // a path
	oauthRevokePath     = "/oauth2/revoke"
	oauthIntrospectPath = "/oauth2/introspect"
	oauthMetadataPath   = "/.well-known/oauth-authorization-server"
)

const formType = "application/x-www-form-urlencoded"

// wordsOnly is why the document accepts a request that an OAuth operation rejects.
const wordsOnly = "the document says it in words only"

// form returns a POST of a form. pairs are names and values in turn.
func form(path string, pairs ...string) Request {
	var parts []string
	for pair := range slices.Chunk(pairs, 2) {
		parts = append(parts, url.QueryEscape(pair[0])+"="+url.QueryEscape(pair[1]))
	}
	return Request{
		Method: http.MethodPost,
		Path:   path,
		Header: http.Header{"Content-Type": {formType}},
		Body:   []byte(strings.Join(parts, "&")),
	}
}

// as returns the request with a header Authorization.
func (q Request) as(authorization string) Request {
	q.Header = q.Header.Clone()
	q.Header.Set("Authorization", authorization)
	return q
}

func basic(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

func oauthRefresh(token string, more ...string) Request {
	return form(oauthTokenPath,
		append([]string{"grant_type", "refresh_token", "refresh_token", token}, more...)...)
}

// oauthError is the answer to a request that an OAuth operation rejects.
func oauthError(code, message string, causes ...string) Want {
	return Want{
		Status:  http.StatusBadRequest,
		Kind:    code,
		Message: message,
		Causes:  causes,
		Silent:  wordsOnly,
	}
}

func invalidGrant(cause string) Want { return oauthError("invalid_grant", "Token is not valid", cause) }

func invalidOAuth(causes ...string) Want {
	return oauthError("invalid_request", "Request is not valid", causes...)
}

// missingParameter is the answer to a form without a parameter that the document requires.
func missingParameter(cause string) Want { return invalidOAuth(cause).silently("") }

func invalidClient(cause string) Want {
	return Want{
		Status:  http.StatusUnauthorized,
		Kind:    "invalid_client",
		Message: "Client is not valid",
		Causes:  []string{cause},
	}
}

// oauthTokens is the body of a 200 of the token endpoint.
type oauthTokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"`
	Scope        string `json:"scope"`
	RefreshToken string `json:"refresh_token"`
}

// exchanged sends a request to the token endpoint that must be accepted.
func (r *Run) exchanged(q Request) (oauthTokens, opened) {
	a := r.send(q, ok())
	var tokens oauthTokens
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &tokens) != nil {
		return tokens, opened{}
	}
	r.notCached(a)
	o, err := r.open(tokens.AccessToken)
	if err != nil {
		r.breach("the access_token must be a signed JWT", "%v", err)
	}
	if (tokens.RefreshToken != "") != r.Rotation {
		r.breach("refresh_token must be there exactly if rotation is on", "it is %t",
			tokens.RefreshToken != "")
	}
	return tokens, o
}

// notCached checks the headers of RFC 6749, section 5.1.
func (r *Run) notCached(a Answer) {
	if !hasDirective(a.Header, "no-store") || a.Header.Get("Pragma") != "no-cache" {
		r.breach("an OAuth answer must have Cache-Control: no-store and Pragma: no-cache",
			"they are %q and %q", a.Header.Get("Cache-Control"), a.Header.Get("Pragma"))
	}
}

func oauthTokenCases() []Case {
	return slices.Concat(oauthGrants(), oauthRefusals(), oauthCommon(oauthOperation{
		id:   "oauthToken",
		path: oauthTokenPath,
		acceptable: func(r *Run) Request {
			return oauthRefresh(r.sketch().sign())
		},
		left:     needsOAuth,
		required: "grant_type",
	}))
}

func oauthGrant(name, rule string, run func(r *Run)) Case {
	return Case{
		Name:     "oauthToken/grant/" + name,
		Rule:     rule,
		Left:     needsOAuth,
		Produces: http.StatusOK,
		Run:      run,
	}
}

func oauthGrants() []Case {
	return []Case{
		oauthGrant("access token",
			"The answer has a Bearer token for the same identity, and its lifetime in seconds.",
			(*Run).grantsAccess),
		oauthGrant("forms", "Unknown and empty parameters are ignored, and the query is not read.",
			func(r *Run) {
				q := oauthRefresh(r.sketch().sign(), "resource", "a", "resource", "b", "scope", "",
					"client_id", "")
				q.Path += "?grant_type=password&client_id=other"
				r.exchanged(q)
			}),
		oauthGrant("client", "A client may name itself in the form, as HTTP Basic, in both, or not at all.",
			func(r *Run) {
				for _, claim := range []string{"client_id", "azp"} {
					token := r.sketch().claim(claim, `"web app"`).sign()
					r.exchanged(oauthRefresh(token))
					r.exchanged(oauthRefresh(token, "client_id", "web app"))
					r.exchanged(oauthRefresh(token).as(basic("web+app", "anything")))
					r.exchanged(oauthRefresh(token, "client_id", "web app").as(basic("web+app", "")))
				}
				r.exchanged(oauthRefresh(r.sketch().sign(), "client_id", "any"))
			}),
		{
			Name:     "oauthToken/grant/scope",
			Rule:     "A client may ask for a part of the scope of its refresh token.",
			Left:     unless(needsOAuth, needsScope),
			Produces: http.StatusOK,
			Run:      (*Run).narrowsScope,
		},
		{
			Name:     "oauthToken/grant/list of sessions",
			Rule:     "The session of an OAuth client is in the list, with its User-Agent.",
			Left:     unless(needsOAuth, needsRotation),
			Produces: http.StatusOK,
			Run: func(r *Run) {
				s := r.person()
				q := oauthRefresh(s.sign())
				q.Header.Set("User-Agent", "an OAuth client")
				r.exchanged(q)
				list := r.own(s.identity())
				if r.wantSessions(list, 1) && list[0].UserAgent != "an OAuth client" {
					r.breach("user_agent must be the User-Agent of the refresh", "it is %q",
						list[0].UserAgent)
				}
			},
		},
	}
}

func (r *Run) grantsAccess() {
	s := r.sketch()
	tokens, o := r.exchanged(oauthRefresh(s.sign()))
	if tokens.TokenType != "Bearer" {
		r.breach("token_type must be Bearer", "it is %q", tokens.TokenType)
	}
	exp, _ := o.number("exp")
	iat, _ := o.number("iat")
	if tokens.ExpiresIn != exp-iat || tokens.ExpiresIn < 600 || tokens.ExpiresIn > 7*24*3600 {
		r.breach("expires_in must be the lifetime of the access token, from 10 minutes to 7 days",
			"it is %d, exp - iat is %d", tokens.ExpiresIn, exp-iat)
	}
	if kind, err := o.number("type"); err != nil || kind != 0 || o.claims["fresh"] != false ||
		o.text("identity") != s.identity() {
		r.breach("the access token must be one of the same identity that is not fresh",
			"type, fresh or identity is wrong")
	}
	if tokens.Scope != "" {
		r.breach("scope must be absent if the refresh token has none", "it is there")
	}
}

func (r *Run) narrowsScope() {
	s := r.sketch().claim("scope", `"read write admin"`)
	for asked, want := range map[string]string{
		"":                 "read write admin",
		"write":            "write",
		"admin read":       "admin read",
		"read write admin": "read write admin",
		"read write read":  "read write",
	} {
		tokens, o := r.exchanged(oauthRefresh(s.sign(), "scope", asked))
		if tokens.Scope != want || o.text("scope") != want {
			r.breach("the scope must be the one that was asked for, or the whole",
				"asked for %q, the answer has %q, the token %q", asked, tokens.Scope, o.text("scope"))
		}
		if !r.Rotation || tokens.RefreshToken == "" {
			continue
		}
		if next, err := r.openRefresh(tokens.RefreshToken); err == nil &&
			next.text("scope") != "read write admin" {
			r.breach("the next refresh token must keep the whole scope", "it has %q", next.text("scope"))
		}
	}
	if tokens, _ := r.exchanged(oauthRefresh(r.sketch().sign(), "scope", "admin")); tokens.Scope != "" {
		r.breach("a scope must be ignored if the refresh token has none", "it is %q", tokens.Scope)
	}
}
