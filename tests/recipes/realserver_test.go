package recipes

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// withRealServer runs a recipe with a server that rotates refresh tokens, until the access token of
// a login has expired and longer.
func withRealServer(t *testing.T, command []string) {
	service := shared.Start(t, "--playground", "--rotation", "--rotation-window=0s",
		"--clock-skew=0s")
	way := &between{proxy: httputil.NewSingleHostReverseProxy(server.URL(t, service.URL))}
	front := server.Serve(t, way).String()
	u := realUser{service.URL, start(t, front, front+"/playground/hello", command...)}
	for _, s := range []struct {
		name string
		test func(*realUser)
	}{
		{"one refresh for 32 calls", func(u *realUser) { u.renewed(u.enter(1, 3600)) }},
		{"lost answer", func(u *realUser) {
			tokens := u.enter(1, 3600)
			way.lose.Store(true)
			u.renewed(tokens)
			if way.lose.Load() {
				u.program.t.Error("no answer was lost")
			}
		}},
		{"ErrRevoked", func(u *realUser) {
			tokens := u.enter(1, 3600)
			body := fmt.Sprintf(`{"refresh_token":%q}`, tokens.RefreshToken)
			if status := u.post("/api/v1/revoke", body, nil); status != http.StatusNoContent {
				u.program.t.Fatalf("the revocation was answered %d", status)
			}
			u.loggedOut()
		}},
		{"ErrExpired", func(u *realUser) {
			u.enter(3, 1)
			u.loggedOut()
		}},
	} {
		t.Run(s.name, func(t *testing.T) {
			u.program.t = t
			s.test(&u)
		})
	}
}

// between is a proxy that can lose the answer to a refresh.
type between struct {
	proxy *httputil.ReverseProxy
	lose  atomic.Bool // the next one
}

func (b *between) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == refreshPath && b.lose.CompareAndSwap(true, false) {
		b.proxy.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	}
	b.proxy.ServeHTTP(w, r)
}

// realUser is a user of a recipe with a real server.
type realUser struct {
	server  string
	program program
}

// post sends JSON to the server, reads the answer into v unless v is nil, and returns the status.
func (u *realUser) post(path, body string, v any) int {
	u.program.t.Helper()
	answer, err := http.Post(u.server+path, "application/json", strings.NewReader(body))
	if err != nil {
		u.program.t.Fatal(err)
	}
	defer answer.Body.Close()
	if v == nil {
		return answer.StatusCode
	}
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
		u.program.t.Fatal(err)
	}
	return answer.StatusCode
}

// enter logs in. The tokens live for the seconds.
func (u *realUser) enter(access, refresh int) server.Tokens {
	u.program.t.Helper()
	const login = `{"identity":"ana@example.com","access_seconds":%d,"refresh_seconds":%d}`
	var tokens server.Tokens
	u.post("/playground/login", fmt.Sprintf(login, access, refresh), &tokens)
	u.program.login(tokens)
	return tokens
}

// renewed calls the API until the access token has expired. All calls must be answered 200.
func (u *realUser) renewed(tokens server.Tokens) {
	u.program.t.Helper()
	deadline := time.Now().Add(server.Patience)
	for u.program.stored() == tokens.RefreshToken {
		u.program.want(32, "200")
		if time.Now().After(deadline) {
			u.program.t.Fatal("the refresh token was not replaced")
		}
	}
	u.program.want(1, "200")
}

// loggedOut calls the API until the access token has expired. Then the user must have to log in.
func (u *realUser) loggedOut() {
	u.program.t.Helper()
	deadline := time.Now().Add(server.Patience)
	for got := u.program.call(1); got["login"] == 0; got = u.program.call(1) {
		if !maps.Equal(got, map[string]int{"200": 1}) || time.Now().After(deadline) {
			u.program.t.Fatalf("a call: %v, want 200 and then login", got)
		}
	}
	u.program.want(32, "login")
	if u.program.stored() != "" {
		u.program.t.Error("the tokens are still there")
	}
}
