package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/tests/server"
)

// The cookie lives as long as its token, and access tokens as long as limit and the setting say.
func TestBrowserLifetimes(t *testing.T) {
	keys, err := jwk.SecretSet([]byte(secret), false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().Truncate(time.Second)
	for name, rotation := range map[string]bool{"stateless": false, "rotation": true} {
		t.Run(name, func(t *testing.T) {
			settings := browserSettings()
			settings.Rotation = rotation
			h := server.Handler(t, server.Options{
				Settings: settings,
				Keys:     keys,
				Now:      func() time.Time { return now },
			})
			token := refreshToken(t, sample(now.Add(1234*time.Second)))
			_, cookie := call(t, h, "/api/v1/browser/login", `{"refresh_token":"`+token+`"}`, nil)
			if cookie == nil || cookie.MaxAge != 1234 {
				t.Fatalf("the cookie of the login is %v", cookie)
			}
			for body, want := range map[string]int64{
				"{}":           3600,
				`{"limit":10}`: 600,
				`{"limit":60}`: 3600,
			} {
				w, next := call(t, h, "/api/v1/browser/refresh", body, cookie)
				var answer struct{ Expired int64 }
				if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
					t.Fatal(err)
				}
				if life := answer.Expired - now.Unix(); w.Code != http.StatusOK || life != want {
					t.Errorf("%s: %d, the token lives %d s, want %d", body, w.Code, life, want)
				}
				if rotation && (next == nil || next.MaxAge != 1234) {
					t.Errorf("%s: the cookie is %v", body, next)
				}
			}
			w, _ := call(t, h, "/api/v1/browser/refresh", `{"limit":61}`, cookie)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "at most 60") {
				t.Errorf("limit 61: %d %s", w.Code, w.Body)
			}
		})
	}
}

// While the store is unavailable, no answer removes or replaces the cookie.
func TestUnavailableStoreLeavesTheCookie(t *testing.T) {
	keys, err := jwk.SecretSet([]byte(secret), false)
	if err != nil {
		t.Fatal(err)
	}
	settings := browserSettings()
	settings.Rotation = true
	h := server.Handler(t, server.Options{Settings: settings, Keys: keys, StoreUnavailable: true})
	claims := jwt.MapClaims{"identity": "ana", "exp": time.Now().Add(time.Hour).Unix()}
	token := refreshToken(t, claims)
	cookie := &http.Cookie{Name: "__Secure-refresh", Value: token}
	for path, body := range map[string]string{
		"login":   `{"refresh_token":"` + token + `"}`,
		"refresh": "{}",
		"logout":  "",
	} {
		w, set := call(t, h, "/api/v1/browser/"+path, body, cookie)
		if w.Code != http.StatusServiceUnavailable || set != nil {
			t.Errorf("%s: %d %s, cookie %v", path, w.Code, w.Body, set)
		}
	}
}
