package fake_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/fake"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

// caller is a client of a fake.
type caller struct {
	t   *testing.T
	url *url.URL
}

// start starts a fake that pages of the origins may call.
func start(t *testing.T, origins ...string) caller {
	t.Helper()
	return startWith(t, service.Settings{}, origins...)
}

// startWith starts a fake with the login profile of the settings.
func startWith(t *testing.T, login service.Settings, origins ...string) caller {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	handler, err := fake.New(fake.Config{
		Keys:    keys,
		Rules:   login.Rules(),
		Now:     time.Now,
		Origins: origins,
		Real: func(now func() time.Time) (http.Handler, error) {
			settings := service.Settings{
				Oauth:           true,
				OauthLifetime:   service.Duration(time.Hour),
				BrowserDoor:     true,
				BrowserLifetime: service.Duration(time.Hour),
				CookieSameSite:  "strict",
				Login:           login.Login,
				IdentityClaim:   login.IdentityClaim,
			}
			return server.Handler(t, server.Options{Settings: settings, Now: now}), nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return caller{t, server.Serve(t, handler)}
}

// send sends a request and returns the answer with its body. The body is complete unless there is
// an error.
func (c caller) send(ctx context.Context, method, path, body string, header ...string) (
	*http.Response, string, error,
) {
	c.t.Helper()
	target, err := c.url.Parse(path)
	if err != nil {
		c.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(ctx, method, target.String(), strings.NewReader(body))
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

// want sends a request, fails the test if the status is another one, and returns the answer.
func (c caller) want(status int, method, path, body string, header ...string) (
	*http.Response, string,
) {
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

// plan replaces all plans.
func (c caller) plan(plan string) {
	c.t.Helper()
	c.want(200, http.MethodPut, "/fake/next", plan)
}

func (c caller) refresh(status int, body string) (*http.Response, string) {
	c.t.Helper()
	return c.want(status, http.MethodPost, "/api/v1/refresh", body)
}

func (c caller) requests() string {
	c.t.Helper()
	_, text := c.want(200, http.MethodGet, "/fake/requests", "")
	return text
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

// login logs in and returns the tokens.
func (c caller) login(body string) pair {
	c.t.Helper()
	_, text := c.want(200, http.MethodPost, "/fake/login", body)
	return read[pair](c.t, text)
}

// loggedIn logs in and returns the body of a refresh.
func (c caller) loggedIn() string {
	c.t.Helper()
	return `{"limit":10,"refresh_token":"` + c.login("").RefreshToken + `"}`
}
