package api_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestAuthenticate: the headers for a gateway. An identity is written so that no two are the same
// and that none is taken for an unknown one.
func TestAuthenticate(t *testing.T) {
	h := newServer(t, time.Now, io.Discard)
	for identity, want := range map[string]string{
		"Ana.b_c+d-9@example.com": "Ana.b_c+d-9@example.com",
		"-":                       "%2D",
		"--":                      "--",
		"%2D":                     "%252D",
		"a b":                     "a%20b",
		"a,b;c=\"d\"":             "a%2Cb%3Bc%3D%22d%22",
		"a\r\nX-Auth-Session: b":  "a%0D%0AX-Auth-Session%3A%20b",
		"ä~*'!/":                  "%C3%A4%7E%2A%27%21%2F",
	} {
		w := authenticate(t, h, identity, "", "", nil)
		if got := w.Header()["X-Auth-Identity"]; len(got) != 1 || got[0] != want {
			t.Errorf("%q: %d, X-Auth-Identity %q, want %q", identity, w.Code, got, want)
		}
		for _, name := range []string{"X-Auth-Session", "X-Auth-Claims"} {
			if got := w.Header()[name]; len(got) != 1 || got[0] != "-" {
				t.Errorf("%s: %q, want -", name, got)
			}
		}
	}
	// The longest claims in base64url have 4096 characters.
	for size, fits := range map[int]bool{10: true, 2800: true, 3000: false, 8000: false} {
		w := authenticate(t, h, "ana", strings.Repeat("x", size), "?claims=true", nil)
		got := w.Header().Get("X-Auth-Claims")
		claims, err := base64.RawURLEncoding.DecodeString(got)
		if whole := err == nil && strings.Contains(string(claims), `"ana"`); whole != fits ||
			!fits && got != "-" || len(got) > 4096 {
			t.Errorf("claims with a text of %d: %d characters, %.40q, %v", size, len(got), got, err)
		}
	}
	// An access token in a cookie is ignored.
	w := authenticate(t, h, "ana", "", "", func(r *http.Request) {
		r.Header["Cookie"] = []string{"access_token=" + r.Header.Get("Authorization")[len("Bearer "):]}
		delete(r.Header, "Authorization")
	})
	if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") != "Bearer" {
		t.Errorf("a cookie: %d, WWW-Authenticate %q", w.Code, w.Header().Get("WWW-Authenticate"))
	}
}

// authenticate asks about an access token with the identity and a text.
func authenticate(
	t *testing.T, h http.Handler, identity, text, query string, change func(*http.Request),
) *httptest.ResponseRecorder {
	t.Helper()
	claims := sample(time.Now().Add(time.Hour))
	claims["type"], claims["identity"], claims["text"] = 0, identity, text
	r := httptest.NewRequest(http.MethodGet, "/api/v1/authenticate"+query, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+refreshToken(t, claims))
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
