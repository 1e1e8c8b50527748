package fake_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/fake"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/tests/server"
)

// caller is a caller's test, with the fake that it talks to.
type caller struct {
	t   *testing.T
	url *url.URL
}

func start(t *testing.T, origins ...string) caller {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := fake.New(fake.Config{
		Keys: keys, Now: time.Now, Origins: origins,
		Real: func(now func() time.Time) (http.Handler, error) {
			return server.Handler(t, server.Options{Now: now}), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return caller{t, server.Serve(t, handler)}
}

func (c caller) send(ctx context.Context, method, path, body string, header ...string) (*http.Response, string, error) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, c.url.JoinPath(path).String(), strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

// want sends a request that must be answered with the status, and returns the answer.
func (c caller) want(status int, method, path, body string, header ...string) (*http.Response, string) {
	c.t.Helper()
	response, text, err := c.send(c.t.Context(), method, path, body, header...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	if response.StatusCode != status {
		c.t.Fatalf("%s %s answers %d, want %d: %s", method, path, response.StatusCode, status, text)
	}
	return response, text
}

type pair struct {
	AccessToken  string `json:"access_token"`
	Expired      int64  `json:"expired"`
	RefreshToken string `json:"refresh_token"`
}

func read[T any](t *testing.T, text string) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

// loggedIn returns the body of a request that refreshes.
func (c caller) loggedIn() string {
	c.t.Helper()
	_, text := c.want(200, http.MethodPost, "/fake/login", "")
	return `{"limit":10,"refresh_token":"` + read[pair](c.t, text).RefreshToken + `"}`
}

func (c caller) refresh(status int, body string) (*http.Response, string) {
	c.t.Helper()
	return c.want(status, http.MethodPost, "/api/v1/refresh", body)
}

func TestFakeKeepsTheContract(t *testing.T) {
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	report := suite.Run(t.Context(), contract.Target{URL: start(t, "*").url, Secret: []byte(server.Secret), Exact: true})
	if !report.Kept() {
		var out strings.Builder
		if err := report.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		t.Error(out.String())
	}
}

func TestOrderedStatuses(t *testing.T) {
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		plan, retryAfter, body string
		status                 int
		declared               bool
	}{
		{`{"behaviour":"421"}`, "", `{"status":421,"message":"Token expired","error":"jwt_error","causes":["token has expired"]}`, 421, true},
		{`{"behaviour":"422"}`, "", `{"status":422,"message":"Token is not valid","error":"jwt_error","causes":["token is revoked"]}`, 422, true},
		{`{"behaviour":"422","cause":"token was reused: the session is revoked"}`, "", `{"status":422,"message":"Token is not valid","error":"jwt_error","causes":["token was reused: the session is revoked"]}`, 422, true},
		{`{"behaviour":"429","retry_after":7}`, "7", `{"status":429,"message":"Too many requests","error":"rate_limiter","causes":[]}`, 429, false},
		{`{"behaviour":"500"}`, "", `{"status":500,"message":"Something went wrong on our side","error":"internal","causes":[]}`, 500, true},
		{`{"behaviour":"503","retry_after":2}`, "2", `{"status":503,"message":"Try again soon","error":"unavailable","causes":["the session store is not available"]}`, 503, true},
	} {
		t.Run(c.plan, func(t *testing.T) {
			caller := start(t)
			body := caller.loggedIn()
			caller.want(200, http.MethodPut, "/fake/next", c.plan)
			response, text := caller.refresh(c.status, body)
			if text != c.body || response.Header.Get("Retry-After") != c.retryAfter {
				t.Errorf("Retry-After %q, body %s", response.Header.Get("Retry-After"), text)
			}
			if c.declared {
				q := contract.Request{Method: http.MethodPost, Path: "/api/v1/refresh", Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(body)}
				_, breaches := suite.Check(t.Context(), q, contract.Answer{Status: response.StatusCode, Header: response.Header, Body: []byte(text)})
				for _, breach := range breaches {
					t.Error(breach)
				}
			}
			caller.refresh(200, body) // once, and no more
		})
	}
}

func TestLostAnswer(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"lose_answer"}`)
	if _, _, err := c.send(t.Context(), http.MethodPost, "/api/v1/refresh", body); !errors.Is(err, io.EOF) {
		t.Fatalf("the answer was not lost: %v", err)
	}
	// The work was done: its answer can be repeated.
	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"repeat","times":2}`)
	_, first := c.refresh(200, body)
	_, second := c.refresh(200, body)
	_, fresh := c.refresh(200, body)
	if first != second || first == fresh {
		t.Error("repeat gives the same answer twice, and then a new one comes")
	}
	_, text := c.want(200, http.MethodGet, "/fake/requests", "")
	if !strings.Contains(text, `"statuses":{"200":3,"lost":1}`) {
		t.Error(text)
	}
}

func TestRepeatBeforeAnyAnswer(t *testing.T) {
	c := start(t)
	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"repeat"}`)
	c.refresh(200, c.loggedIn())
}

func TestDelay(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"delay","delay_ms":600000}`)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error, 1)
	go func() {
		_, _, err := c.send(ctx, http.MethodPost, "/api/v1/refresh", body)
		failed <- err
	}()
	for !strings.Contains(c.requests(), `"behaviour":"delay","status":0`) {
		time.Sleep(time.Millisecond) // until the request has arrived
	}
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the answer was not delayed: %v", err)
	}
	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"503","delay_ms":1}`)
	c.refresh(503, body)
}

func (c caller) requests() string {
	c.t.Helper()
	_, text := c.want(200, http.MethodGet, "/fake/requests", "")
	return text
}

func TestPlans(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"500","times":9}`)
	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"503","times":2}`) // in place of the first
	c.want(200, http.MethodPost, "/fake/next", `{"behaviour":"421"}`)          // after the second
	c.want(200, http.MethodPost, "/fake/next", `{"behaviour":"422","path":"/api/v1/other"}`)
	for _, status := range []int{503, 503, 421, 200} {
		c.refresh(status, body)
	}
	c.want(422, http.MethodPost, "/api/v1/other", "{}")
	c.want(404, http.MethodPost, "/api/v1/other", "{}")

	c.want(200, http.MethodPut, "/fake/next", `{"behaviour":"500"}`)
	c.want(204, http.MethodDelete, "/fake", "")
	c.refresh(200, body)
	if text := c.requests(); !strings.Contains(text, `"total":1`) {
		t.Errorf("after a reset and one request: %s", text)
	}
}

func TestRequestsHoldNoToken(t *testing.T) {
	c := start(t)
	c.refresh(200, c.loggedIn())
	_, state := c.want(200, http.MethodGet, "/fake", "")
	if text := c.requests() + state; strings.Contains(text, "eyJ") || !strings.Contains(text, `"path":"/api/v1/refresh"`) {
		t.Error(text)
	}
}

func TestClock(t *testing.T) {
	c := start(t)
	body := c.loggedIn()
	_, text := c.refresh(200, body)
	access := read[pair](t, text).AccessToken
	_, text = c.want(200, http.MethodGet, "/fake/me", "", "Authorization", "Bearer "+access)
	if !strings.Contains(text, `"fresh":false`) {
		t.Error(text)
	}
	c.want(200, http.MethodPut, "/fake/clock", `{"offset_seconds":601}`)
	c.want(401, http.MethodGet, "/fake/me", "", "Authorization", "Bearer "+access)
	c.refresh(200, body)
	c.want(200, http.MethodPut, "/fake/clock", `{"offset_seconds":2592001}`)
	c.refresh(421, body)
	c.want(204, http.MethodDelete, "/fake", "")
	c.want(200, http.MethodGet, "/fake/me", "", "Authorization", "Bearer "+access)
}

func TestLogin(t *testing.T) {
	c := start(t)
	_, text := c.want(200, http.MethodPost, "/fake/login",
		`{"identity":"a@example.com","name":"A","is_admin":true,"claims":{"roles":["editor"]},"limit":20,"refresh_seconds":-1}`)
	login := read[pair](t, text)
	_, text = c.want(200, http.MethodGet, "/fake/me", "", "Authorization", "Bearer "+login.AccessToken)
	if !strings.Contains(text, `{"identity":"a@example.com","is_admin":true,"fresh":true,`) {
		t.Error(text)
	}
	c.refresh(421, `{"refresh_token":"`+login.RefreshToken+`"}`)
}

func TestMistakes(t *testing.T) {
	c := start(t)
	for _, m := range []struct{ method, path, body, cause string }{
		{http.MethodPut, "/fake/next", `{"behaviour":"teapot"}`, "behaviour: must be one of 421, 422, 429, 500, 503, delay, lose_answer, repeat"},
		{http.MethodPut, "/fake/next", ``, "behaviour: must be one of"},
		{http.MethodPut, "/fake/next", `{"behaviour":"421","times":0}`, "times: must be from 1"},
		{http.MethodPut, "/fake/next", `{"behaviour":"delay"}`, "delay_ms: is required for delay"},
		{http.MethodPut, "/fake/next", `{"behaviour":"421","path":"/fake"}`, "path: must begin with /api/"},
		{http.MethodPut, "/fake/next", `{"behavior":"421"}`, "unknown field"},
		{http.MethodPut, "/fake/next", `{"behaviour":"503","retry_after":-1,"delay_ms":-1}`, "retry_after: must not be negative"},
		{http.MethodPut, "/fake/clock", `{"offset_seconds":99999999999}`, "offset_seconds: must be less than a century"},
		{http.MethodPost, "/fake/login", `{"identity":1}`, "body: identity: must not be number"},
	} {
		if _, text := c.want(400, m.method, m.path, m.body); !strings.Contains(text, m.cause) {
			t.Errorf("%s %s: %s", m.path, m.body, text)
		}
	}
}

func TestOrigins(t *testing.T) {
	c := start(t, "http://localhost:5173")
	ask := func(status int, origin string) string {
		response, _ := c.want(status, http.MethodOptions, "/api/v1/refresh", "", "Origin", origin, "Access-Control-Request-Method", "POST")
		return response.Header.Get("Access-Control-Allow-Origin")
	}
	if got := ask(204, "http://localhost:5173"); got != "http://localhost:5173" {
		t.Errorf("the origin is not allowed: %q", got)
	}
	if got := ask(204, "https://elsewhere.example"); got != "" {
		t.Errorf("another origin is allowed: %q", got)
	}
	response, _ := c.want(200, http.MethodPost, "/fake/login", "", "Origin", "http://localhost:5173")
	if !strings.Contains(response.Header.Get("Access-Control-Expose-Headers"), "Retry-After") {
		t.Error("Retry-After cannot be read by a page")
	}
}
