package api_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

// longestCookie is the length of the longest Set-Cookie that browsers keep, in bytes.
const longestCookie = 4096

func browserSettings() service.Settings {
	return service.Settings{
		BrowserDoor:     true,
		BrowserLifetime: service.Duration(time.Hour),
		CookieSameSite:  "strict",
	}
}

// call sends JSON to a browser operation and returns the answer and its only cookie; nil if it sets
// none.
func call(t *testing.T, h http.Handler, path, body string, cookie *http.Cookie) (
	*httptest.ResponseRecorder, *http.Cookie,
) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if cookie != nil {
		r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	set := w.Header().Values("Set-Cookie")
	if len(set) == 0 {
		return w, nil
	}
	if len(set) > 1 || len(set[0]) > longestCookie {
		t.Fatalf("%s: %d cookies, the first has %d bytes", path, len(set), len(set[0]))
	}
	c, err := http.ParseSetCookie(set[0])
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

// A login is rejected if its cookie, or that of the next refresh token, would be too long for
// browsers. A token that was rejected is not used up. Each cookie of an accepted login fits.
func TestLongCookies(t *testing.T) {
	keys, err := jwk.SecretSet([]byte(secret), false)
	if err != nil {
		t.Fatal(err)
	}
	for name, rotation := range map[string]bool{"stateless": false, "rotation": true} {
		t.Run(name, func(t *testing.T) {
			settings := browserSettings()
			if rotation {
				settings.Rotation = true
				settings.RotationWindow = service.Duration(time.Nanosecond)
			}
			h := server.Handler(t, server.Options{Settings: settings, Keys: keys})
			accepted, rejected, successor := 0, 0, 0
			for padding := 2500; padding < 3100; padding += 12 {
				token := refreshToken(t, jwt.MapClaims{
					"exp":      time.Now().Add(time.Hour).Unix(),
					"iat":      time.Now().Unix(),
					"identity": "ana",
					"jti":      strconv.Itoa(padding),
					"padding":  strings.Repeat("a", padding),
				})
				body := `{"refresh_token":"` + token + `"}`
				w, cookie := call(t, h, "/api/v1/browser/login", body, nil)
				if w.Code == http.StatusUnprocessableEntity {
					rejected++
					if len("__Secure-refresh=")+len(token)+100 < longestCookie {
						successor++
					}
					const cause = "too long for a cookie"
					if !strings.Contains(w.Body.String(), cause) || cookie != nil {
						t.Errorf("%d bytes: %s, cookie %v", len(token), w.Body, cookie)
					}
					w, _ = call(t, h, "/api/v1/refresh", body, nil)
					if w.Code != http.StatusOK {
						t.Errorf("the rejected token was used up: %s", w.Body)
					}
					continue
				}
				if w.Code != http.StatusNoContent || rejected > 0 {
					t.Fatalf("%d bytes: %d %s", len(token), w.Code, w.Body)
				}
				if cookie.Name != "__Secure-refresh" || !cookie.Secure || !cookie.HttpOnly {
					t.Errorf("cookie %v", cookie)
				}
				accepted++
				for range 3 {
					w, next := call(t, h, "/api/v1/browser/refresh", "{}", cookie)
					if w.Code != http.StatusOK || rotation != (next != nil) {
						t.Fatalf("%d bytes: %d %s, cookie %v", len(token), w.Code, w.Body, next)
					}
					if next != nil {
						cookie = next
					}
				}
			}
			if accepted == 0 || rejected == 0 || rotation != (successor > 0) {
				t.Errorf("%d accepted, %d rejected, %d because of the next token",
					accepted, rejected, successor)
			}
		})
	}
}

// Listed origins get Access-Control-Allow-Credentials with the browser operations only.
func TestCredentialsOfOrigins(t *testing.T) {
	const listed = "https://app.example.com"
	for name, on := range map[string]bool{"on": true, "off": false} {
		t.Run(name, func(t *testing.T) {
			settings := service.Settings{CORSOrigin: []string{listed}}
			if on {
				settings = browserSettings()
				settings.CORSOrigin = []string{listed}
			}
			h := server.Handler(t, server.Options{Settings: settings})
			const foreign, path = "https://foreign.example", "/api/v1/browser/refresh"
			for origin, want := range map[string]bool{listed: on, foreign: false} {
				for _, method := range []string{http.MethodOptions, http.MethodPost} {
					r := httptest.NewRequest(method, path, strings.NewReader("{}"))
					r.Header.Set("Origin", origin)
					r.Header.Set("Access-Control-Request-Method", http.MethodPost)
					w := httptest.NewRecorder()
					h.ServeHTTP(w, r)
					got := w.Header().Get("Access-Control-Allow-Credentials")
					if (got == "true") != want || !want && got != "" {
						t.Errorf("%s from %s: credentials %q", method, origin, got)
					}
				}
			}
		})
	}
}

// A developer whose page is on another site learns why the browser sends no cookie.
func TestPageOnAnotherSite(t *testing.T) {
	const listed = "https://app.example.org"
	settings := browserSettings()
	settings.CORSOrigin = []string{listed}
	h := server.Handler(t, server.Options{Settings: settings})
	for site, want := range map[string]string{
		"cross-site": "the page is on another site",
		"same-site":  "log in",
	} {
		const path = "/api/v1/browser/refresh"
		r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("{}"))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", listed)
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s", site, w.Code, w.Body)
		}
	}
}
