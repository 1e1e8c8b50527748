// Package logins lets the libraries that people have sign refresh tokens, redeems the tokens, and
// shows the access tokens to the same libraries.
package logins

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

const (
	refreshSecret = "the secret with which the login signs refresh tokens"
	accessSecret  = "another secret with which it signs its access tokens"
)

// login is a login and an API with one library. Its API has /me for access tokens, /fresh for fresh
// ones, and /refresh for refresh tokens.
type login struct {
	t   *testing.T
	url string
}

// pair is the answer of a login.
type pair struct{ Access, Refresh string }

// enter logs in. The refresh token lives for life.
func (l login) enter(identity any, admin bool, life time.Duration) pair {
	l.t.Helper()
	body, err := json.Marshal(map[string]any{
		"identity": identity,
		"admin":    admin,
		"life":     int(life.Seconds()),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	status, text := exchange(l.t, http.MethodPost, l.url+"/login", "", string(body))
	var p pair
	if err := json.Unmarshal([]byte(text), &p); err != nil || status != http.StatusOK {
		l.t.Fatalf("the login answered %d: %s", status, text)
	}
	return p
}

// accepts checks that the API accepts a token, and names the identity.
func (l login) accepts(path, token string, identity any) {
	l.t.Helper()
	status, text := exchange(l.t, http.MethodGet, l.url+path, token, "")
	var got struct{ Identity any }
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&got); err != nil || status != http.StatusOK {
		l.t.Fatalf("%s answered %d: %s", path, status, text)
	}
	if number, ok := identity.(int); ok {
		identity = json.Number(string(mustJSON(l.t, number)))
	}
	if got.Identity != identity {
		l.t.Errorf("%s: the identity is %v, want %v", path, got.Identity, identity)
	}
}

// rejects checks that the API rejects a token.
func (l login) rejects(path, token string) {
	l.t.Helper()
	status, text := exchange(l.t, http.MethodGet, l.url+path, token, "")
	if status != http.StatusUnauthorized && status != http.StatusUnprocessableEntity {
		l.t.Errorf("%s answered %d: %s", path, status, text)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func exchange(t *testing.T, method, url, token, body string) (status int, text string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(data)
}

// start starts a program that prints its address first.
func start(t *testing.T, name string, args ...string) login {
	t.Helper()
	p := server.Run(t, exec.Command(name, args...))
	l := login{t: t}
	p.Await(t, "the login's address", func() bool {
		for line := range strings.Lines(p.Log.String()) {
			if strings.HasPrefix(line, "http://") && strings.HasSuffix(line, "\n") {
				l.url = strings.TrimSpace(line)
			}
		}
		return l.url != ""
	})
	return l
}

// python starts a program of testdata with the libraries that make install has installed.
func python(t *testing.T, program string, args ...string) login {
	t.Helper()
	const interpreter = "venv/bin/python"
	if _, err := os.Stat(interpreter); err != nil {
		t.Fatalf("%s is missing: run make install", interpreter)
	}
	return start(t, interpreter, append([]string{"-B", filepath.Join("testdata", program)}, args...)...)
}

// node starts testdata/sub_login.mjs with the Node and the libraries that npm installed.
func node(t *testing.T, args ...string) login {
	t.Helper()
	program := "node"
	if pinned, _ := filepath.Glob("../node_modules/node-linux-*/bin/node"); len(pinned) > 0 {
		program = pinned[0]
	}
	return start(t, program, append([]string{"testdata/sub_login.mjs"}, args...)...)
}

// kalselClaims are the claims of the kalsel.dev API.
type kalselClaims struct {
	Identity string `json:"identity"`
	Name     string `json:"name"`
	Admin    bool   `json:"is_admin"`
	Type     int    `json:"type"`
	Fresh    bool   `json:"fresh"`
	jwt.RegisteredClaims
}

// kalsel is a login and an API as kalsel.dev has them, with golang-jwt.
func kalsel(t *testing.T) login {
	t.Helper()
	sign := func(identity string, admin bool, kind int, life time.Duration) string {
		now := time.Now()
		claims := kalselClaims{
			Identity: identity,
			Name:     "Ana",
			Admin:    admin,
			Type:     kind,
			Fresh:    kind == 0,
		}
		claims.ID = now.Format(time.RFC3339Nano)
		claims.IssuedAt = jwt.NewNumericDate(now.Add(min(0, life-time.Second)))
		claims.ExpiresAt = jwt.NewNumericDate(now.Add(life))
		raw, err := jwt.NewWithClaims(jwt.SigningMethodHS256,
			claims).SignedString([]byte(refreshSecret))
		if err != nil {
			t.Error(err)
		}
		return raw
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Identity string
			Admin    bool
			Life     int
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		_ = json.NewEncoder(w).Encode(pair{
			Access:  sign(in.Identity, in.Admin, 0, time.Minute),
			Refresh: sign(in.Identity, in.Admin, 1, time.Duration(in.Life)*time.Second),
		})
	})
	api := func(accepted func(kalselClaims) bool) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			var claims kalselClaims
			raw := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
			key := func(*jwt.Token) (any, error) { return []byte(refreshSecret), nil }
			methods := jwt.WithValidMethods([]string{"HS256"})
			if _, err := jwt.ParseWithClaims(raw, &claims, key, methods); err != nil ||
				!accepted(claims) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			_ = json.NewEncoder(w).Encode(map[string]string{"identity": claims.Identity})
		}
	}
	mux.HandleFunc("GET /me", api(func(c kalselClaims) bool { return c.Type == 0 }))
	mux.HandleFunc("GET /fresh", api(func(c kalselClaims) bool { return c.Type == 0 && c.Fresh }))
	mux.HandleFunc("GET /refresh", api(func(c kalselClaims) bool { return c.Type == 1 }))
	return login{t, server.Serve(t, mux).String()}
}

// secretFile returns the path of a file with the secret.
func secretFile(t *testing.T, secret string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(secret), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
