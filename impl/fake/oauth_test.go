package fake_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
)

const formType = "application/x-www-form-urlencoded"

// form sends a form to an OAuth operation and fails the test if the status is another one.
func (c caller) form(status int, path string, members ...string) (*http.Response, string) {
	c.t.Helper()
	return c.want(status, http.MethodPost, path, encode(members...), "Content-Type", formType)
}

func encode(members ...string) string {
	form := url.Values{}
	for i := 0; i < len(members); i += 2 {
		form.Set(members[i], members[i+1])
	}
	return form.Encode()
}

func (c caller) grant(status int, token string) (*http.Response, string) {
	c.t.Helper()
	return c.form(status, "/oauth2/token", "grant_type", "refresh_token", "refresh_token", token)
}

func TestOAuthOrderedStatuses(t *testing.T) {
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	c := start(t)
	token := c.login("").RefreshToken
	for _, p := range []struct {
		plan   string
		status int
		body   string
	}{
		{`{"behaviour":"421"}`, 400, `{"status":400,"message":"Token expired",` +
			`"error":"invalid_grant","causes":["token has expired"],` +
			`"error_description":"token has expired"}`},
		{`{"behaviour":"422"}`, 400, `{"status":400,"message":"Token is not valid",` +
			`"error":"invalid_grant","causes":["token is revoked"],` +
			`"error_description":"token is revoked"}`},
		{`{"behaviour":"503","retry_after":2,"path":"/oauth2/token"}`, 503, `{"status":503,` +
			`"message":"Try again soon","error":"unavailable",` +
			`"causes":["the session store is not available"]}`},
	} {
		c.plan(p.plan)
		response, text := c.grant(p.status, token)
		if text != p.body {
			t.Errorf("%s: body %s, want %s", p.plan, text, p.body)
		}
		_, breaches := suite.Check(t.Context(), contract.Request{
			Method: http.MethodPost,
			Path:   "/oauth2/token",
			Header: http.Header{"Content-Type": {formType}},
			Body:   []byte(encode("grant_type", "refresh_token", "refresh_token", token)),
		}, contract.Answer{
			Status: response.StatusCode,
			Header: response.Header,
			Body:   []byte(text),
		})
		for _, breach := range breaches {
			t.Error(breach)
		}
		c.grant(200, token) // the plan was for one request
	}
}

func TestOAuthLostAnswer(t *testing.T) {
	c := start(t)
	token := c.login(`{"identity":"ana@example.com"}`).RefreshToken
	c.plan(`{"behaviour":"lose_answer","identity":"ana@example.com"}`)
	c.grant(200, c.login("").RefreshToken) // the plan is not for this identity
	_, _, err := c.send(t.Context(), http.MethodPost, "/oauth2/token",
		encode("grant_type", "refresh_token", "refresh_token", token), "Content-Type", formType)
	if err == nil {
		t.Error("the answer was not lost")
	}
	c.grant(200, token)
	text := c.requests()
	const lost = `"path":"/oauth2/token","identity":"ana@example.com","behaviour":"lose_answer"`
	if !strings.Contains(text, lost) || strings.Contains(text, "eyJ") {
		t.Error(text)
	}
}

// A plan waits for a request that the real server can answer like this.
func TestOAuthPlanWaitsForTheToken(t *testing.T) {
	c := start(t, "http://localhost:5173")
	token := c.login("").RefreshToken
	c.plan(`{"behaviour":"422"}`)
	c.form(200, "/oauth2/revoke", "token", "no token at all")
	c.want(204, http.MethodOptions, "/oauth2/token", "",
		"Origin", "http://localhost:5173", "Access-Control-Request-Method", "POST")
	c.grant(400, token)
	c.grant(200, token)
	c.form(200, "/oauth2/revoke", "token", token)
	c.grant(400, token)
}
