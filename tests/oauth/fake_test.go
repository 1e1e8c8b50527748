// Package oauth lets the OAuth clients that people have refresh and log out, at a server that loses
// answers, delays them, and is unavailable. The client in browsers is tested in tests/web/browser.
package oauth

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// inBothModes runs a test with a server that rotates refresh tokens, and with one that does not.
// The server is the fake: the real handlers, with plans for requests that are to fail. Rotation has
// no window: each refresh rotates, and an old refresh token that comes back is reuse.
func inBothModes(t *testing.T, test func(t *testing.T, url string, rotation bool)) {
	t.Helper()
	for name, rotation := range map[string]bool{"rotation": true, "no rotation": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"fake"}
			if rotation {
				args = append(args, "--rotation", "--rotation-window=0s", "--clock-skew=0s")
			}
			test(t, shared.Start(t, args...).URL, rotation)
		})
	}
}

// user is a user who is logged in at the fake. Plans are for the requests of that user alone.
type user struct {
	t        *testing.T
	url      string
	identity string
}

// pair are the tokens of a login.
type pair struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
}

// login returns the tokens of a login. refreshSeconds is the lifetime of the refresh token.
func (u user) login(refreshSeconds int) pair {
	u.t.Helper()
	var tokens pair
	u.control(http.MethodPost, "/fake/login", map[string]any{
		"identity":        u.identity,
		"refresh_seconds": refreshSeconds,
	}, &tokens)
	return tokens
}

// plan orders a behaviour for the next requests of the user to a path.
func (u user) plan(path, behaviour string, times, delay int) {
	u.t.Helper()
	u.control(http.MethodPost, "/fake/next", map[string]any{
		"identity":  u.identity,
		"path":      path,
		"behaviour": behaviour,
		"times":     times,
		"delay_ms":  delay,
	}, nil)
}

// grants returns how many of the user's requests to /oauth2/token have arrived.
func (u user) grants() int {
	u.t.Helper()
	var list struct {
		Requests []struct{ Path string } `json:"requests"`
	}
	u.control(http.MethodGet, "/fake/requests?identity="+u.identity, nil, &list)
	n := 0
	for _, request := range list.Requests {
		if request.Path == "/oauth2/token" {
			n++
		}
	}
	return n
}

// control sends a request to a control of the fake and reads the answer into v, unless v is nil.
func (u user) control(method, path string, body map[string]any, v any) {
	u.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		u.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(u.t.Context(), method, u.url+path, bytes.NewReader(text))
	if err != nil {
		u.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		u.t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		u.t.Fatalf("%s %s answers %d", method, path, answer.StatusCode)
	}
	if v == nil {
		return
	}
	if err := json.NewDecoder(answer.Body).Decode(v); err != nil {
		u.t.Fatalf("%s %s: %v", method, path, err)
	}
}
