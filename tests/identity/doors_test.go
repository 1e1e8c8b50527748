package identity

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/tests/server"
)

// door sends requests to refreshd as a browser does, with cookies.
type door struct {
	deployment

	client *http.Client
	user   string // of the questions
}

// wants sends a request, and fails unless the answer has the status and the user service was asked
// so many times. It returns the answer's body and the length of the cookie afterwards.
func (d door) wants(t *testing.T, r *http.Request, status, asked int) (body []byte, cookie int) {
	t.Helper()
	before := len(d.questions(t, d.user))
	answer, err := d.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(d.questions(t, d.user)) - before; answer.StatusCode != status || n != asked {
		t.Fatalf("%s answers %d after %d questions, want %d after %d: %s", r.URL.Path,
			answer.StatusCode, n, status, asked, body)
	}
	for _, one := range d.client.Jar.Cookies(r.URL.JoinPath("../refresh")) {
		cookie = len(one.Value)
	}
	return body, cookie
}

// request returns a request to refreshd.
func (d door) request(t *testing.T, method, path, mediaType, body string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if mediaType != "" {
		r.Header.Set("Content-Type", mediaType)
	}
	return r
}

// TestDoors: the browser operations ask the user service, and checks of tokens do not. If the user
// service fails, the cookie stays; if it logs the user out, the cookie is removed. The identity of
// the login is a number, and the question has its text.
func TestDoors(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "credentials")
	const secret = "orders:0123456789abcdef0123456789abcdef"
	if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for mode, args := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			d := door{
				deployment: deploy(t, append(args, "--login=flask-jwt-extended", "--browser-door",
					"--api-credentials="+file)...),
				client: &http.Client{Jar: jar},
				user:   "42",
			}
			post := func(path, body string, status, asked int) ([]byte, int) {
				t.Helper()
				return d.wants(t, d.request(t, http.MethodPost, path, "application/json", body),
					status, asked)
			}
			d.set(t, "42", `{"claims":{"role":"new","sub":7,"type":"refresh","scope":"all"}}`)
			token := login(t, "ana", map[string]any{"sub": 42, "type": "refresh", "scope": "a"})
			_, set := post("/api/v1/browser/login", `{"refresh_token":"`+token+`"}`, 204, 1)
			body, _ := post("/api/v1/browser/refresh", `{}`, 200, 1)
			var got answer
			if err := json.Unmarshal(body, &got); err != nil {
				t.Fatal(err)
			}
			access := claims(t, got.Access)
			if set == 0 || access["role"] != "new" || access["sub"] != 42.0 ||
				access["type"] != "access" || access["scope"] != "a" {
				t.Errorf("cookie of %d bytes, and the access token has %v", set, access)
			}
			check := d.request(t, http.MethodGet, "/api/v1/authenticate", "", "")
			check.Header.Set("Authorization", "Bearer "+got.Access)
			d.wants(t, check, 200, 0)
			check = d.request(t, http.MethodPost, "/oauth2/introspect",
				"application/x-www-form-urlencoded", url.Values{"token": {got.Access}}.Encode())
			check.SetBasicAuth("orders", strings.TrimPrefix(secret, "orders:"))
			d.wants(t, check, 200, 0)

			d.next(t, "42", "500", 0)
			if _, left := post("/api/v1/browser/refresh", `{}`, 503, 1); left == 0 {
				t.Error("the cookie is removed although the user service fails")
			}
			d.set(t, "42", `{"status":404}`)
			if _, left := post("/api/v1/browser/refresh", `{}`, 422, 1); left > 0 {
				t.Error("the cookie stays although the user is gone")
			}
		})
	}
}

// TestGeneratedTypes: a user service that reads and writes with the types of the contract works.
func TestGeneratedTypes(t *testing.T) {
	t.Parallel()
	users := server.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q gen.IdentityRequest
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		if q.Identity == "deleted" {
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"error":"no such user"}`)
			return
		}
		q.Claims["role"] = "new"
		_ = json.NewEncoder(w).Encode(gen.IdentityAnswer{Identity: &q.Identity, Claims: q.Claims})
	}))
	d := deployment{start(t, users.String()), nil}
	got := d.refresh(t, login(t, "ana", nil))
	got.wants(t, http.StatusOK)
	if access := claims(t, got.Access); access["role"] != "new" || access["identity"] != "ana" {
		t.Errorf("the access token has %v", access)
	}
	d.refresh(t, login(t, "deleted", nil)).wants(t, http.StatusUnprocessableEntity)
}
