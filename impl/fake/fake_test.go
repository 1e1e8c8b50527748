package fake_test

import (
	"net/http"
	"strings"
	"testing"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

func TestFakeKeepsTheContract(t *testing.T) {
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	report := suite.Run(t.Context(), contract.Target{
		URL:     start(t, "http://localhost:5173").url,
		Secret:  []byte(server.Secret),
		OAuth:   true,
		Browser: true,
		Level:   contract.LevelExact,
	})
	if !report.Kept() {
		var out strings.Builder
		if err := report.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		t.Error(out.String())
	}
}

func TestRequestsShowNoToken(t *testing.T) {
	c := start(t)
	c.refresh(200, c.loggedIn())
	_, state := c.want(200, http.MethodGet, "/fake", "")
	text := c.requests() + state
	if strings.Contains(text, "eyJ") || !strings.Contains(text, `"path":"/api/v1/refresh"`) {
		t.Error(text)
	}
}

func TestRequestsOfAnIdentity(t *testing.T) {
	c := start(t)
	ana := c.login(`{"identity":"ana@example.com"}`)
	c.refresh(200, c.loggedIn())
	c.want(200, http.MethodPost, "/api/v1/refresh", `{"refresh_token":"`+ana.RefreshToken+`"}`)
	_, text := c.want(200, http.MethodGet, "/fake/requests?identity=ana@example.com", "")
	if !strings.Contains(text, `"total":2,"statuses":{"200":1},"requests":[{"number":2,`) {
		t.Error(text)
	}
}

func TestClock(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	_, text := c.refresh(200, body)
	bearer := "Bearer " + read[pair](t, text).AccessToken
	_, text = c.want(200, http.MethodGet, "/fake/me", "", "Authorization", bearer)
	if !strings.Contains(text, `"fresh":false`) {
		t.Error(text)
	}
	c.want(200, http.MethodPut, "/fake/clock", `{"offset_seconds":601}`)
	c.want(401, http.MethodGet, "/fake/me", "", "Authorization", bearer)
	c.refresh(200, body)
	c.want(200, http.MethodPut, "/fake/clock", `{"offset_seconds":2592001}`)
	c.refresh(421, body)
	c.want(204, http.MethodDelete, "/fake", "")
	c.want(200, http.MethodGet, "/fake/me", "", "Authorization", bearer)
}

func TestLogin(t *testing.T) {
	c := start(t)
	login := c.login(`{"identity":"a@example.com","name":"A","is_admin":true,
		"claims":{"roles":["editor"]},"limit":20,"refresh_seconds":-1}`)
	bearer := "Bearer " + login.AccessToken
	_, text := c.want(200, http.MethodGet, "/fake/me", "", "Authorization", bearer)
	if !strings.Contains(text, `{"identity":"a@example.com","is_admin":true,"fresh":true,`) {
		t.Error(text)
	}
	c.refresh(421, `{"refresh_token":"`+login.RefreshToken+`"}`)
}

func TestOrigins(t *testing.T) {
	c := start(t, "http://localhost:5173")
	preflight := func(status int, origin string) string {
		response, _ := c.want(status, http.MethodOptions, "/api/v1/refresh", "",
			"Origin", origin, "Access-Control-Request-Method", "POST")
		return response.Header.Get("Access-Control-Allow-Origin")
	}
	if got := preflight(204, "http://localhost:5173"); got != "http://localhost:5173" {
		t.Errorf("the origin is not allowed: %q", got)
	}
	if got := preflight(204, "https://elsewhere.example"); got != "" {
		t.Errorf("another origin is allowed: %q", got)
	}
	response, _ := c.want(200, http.MethodPost, "/fake/login", "",
		"Origin", "http://localhost:5173")
	if !strings.Contains(response.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Error("a page cannot read Retry-After")
	}
}

// Each mistake has a cause that names the field and no type of Go.
func TestMistakes(t *testing.T) {
	c := start(t)
	const next, clock, login = "PUT /fake/next", "PUT /fake/clock", "POST /fake/login"
	for _, m := range []struct{ request, body, cause string }{
		{next, `{"behaviour":"teapot"}`,
			"behaviour: must be one of 421, 422, 429, 500, 503, delay"},
		{next, ``, "behaviour: must be one of"},
		{next, `{"behaviour":418}`, "behaviour: must be one of"},
		{next, `{"behaviour":"421","times":0}`, "times: must be from 1"},
		{next, `{"behaviour":"delay"}`, "delay_ms: is required for delay"},
		{next, `{"behaviour":"421","path":"/fake"}`, "path: must begin with /api/ or /oauth2/"},
		{next, `{"behavior":"421"}`, "behavior: is unknown, the fields are behaviour, times,"},
		{next, `{"behaviour":"503","retry_after":-1}`, "retry_after: must not be negative"},
		{next, `{"behaviour":"421","status":502}`, "status: must be from 200 to 599"},
		{next, `{"behaviour":"html","status":99}`, "status: must be from 200 to 599"},
		{next, `{"behaviour":'421'}`, "body: is not valid JSON at byte 14"},
		{next, `{"behaviour":"421"}}`, "body: is not valid JSON at byte 20"},
		{next, `{"behaviour":"421"`, "body: is not valid JSON, its end is missing"},
		{next, `{"behaviour":"421","times":1.5}`, "times: must be a whole number, but is a number"},
		{next, `[]`, "body: must be an object, but is an array"},
		{clock, `{"offset_seconds":99999999999}`, "offset_seconds: must be at most a century"},
		{clock, `{"offset_seconds":"1"}`, "offset_seconds: must be a whole number, but is a str"},
		{login, `{"limit":99999999999}`, "limit, refresh_seconds: must be less than a century"},
		{login, `{"identity":1}`, "identity: must be a string, but is a number"},
		{login, `{"is_admin":1}`, "is_admin: must be true or false, but is a number"},
		{login, strings.Repeat(" ", 70000), "body: must have at most 65536 bytes"},
	} {
		method, path, _ := strings.Cut(m.request, " ")
		_, text := c.want(400, method, path, m.body)
		if !strings.Contains(text, m.cause) || strings.Contains(text, "json:") {
			t.Errorf("%s %.50s: %s", m.request, m.body, text)
		}
	}
}
