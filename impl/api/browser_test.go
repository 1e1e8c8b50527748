package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

// A request has an effect at the browser operations only if it is a POST, its page is of the own
// origin or of a listed one (or it has no page), and it is JSON where there is a body.
func TestBrowserOrigins(t *testing.T) {
	const own, listed = "http://api.example.com", "https://app.example.com"
	h := server.Handler(t, server.Options{Settings: service.Settings{
		BrowserDoor:     true,
		BrowserLifetime: service.Duration(time.Hour),
		CookieSameSite:  "strict",
		CORSOrigin:      []string{listed},
	}})
	origins := []string{
		"", own, listed, "https://foreign.example", "null", listed + ".foreign.example",
		"http://app.example.com", listed + ":8443", "https://API.example.com.foreign.example",
	}
	sites := []string{"", "same-origin", "same-site", "cross-site", "none", "sideways"}
	methods := []string{
		http.MethodPost, http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions,
	}
	types := []string{
		"application/json", "text/plain", "application/x-www-form-urlencoded",
		"multipart/form-data; boundary=x", "",
	}
	tried := 0
	for _, operation := range []string{"login", "refresh", "logout"} {
		for _, origin := range origins {
			for _, site := range sites {
				for _, method := range methods {
					for _, media := range types {
						r := httptest.NewRequest(method, own+"/api/v1/browser/"+operation,
							strings.NewReader("{}"))
						set(r, "Origin", origin)
						set(r, "Sec-Fetch-Site", site)
						set(r, "Content-Type", media)
						w := httptest.NewRecorder()
						h.ServeHTTP(w, r)
						want := wantedStatus(operation, method, media,
							mayCall(origin, site, own, listed))
						if method != http.MethodOptions && w.Code != want {
							t.Errorf("%s %s, Origin %q, Sec-Fetch-Site %q, Content-Type %q: %d, want %d",
								method, operation, origin, site, media, w.Code, want)
						}
						allowed := w.Header().Get("Access-Control-Allow-Origin")
						if allowed != "" && allowed != listed {
							t.Errorf("Origin %q: Access-Control-Allow-Origin %q", origin, allowed)
						}
						tried++
					}
				}
			}
		}
	}
	if tried != 3*len(origins)*len(sites)*len(methods)*len(types) {
		t.Errorf("%d requests", tried)
	}
}

func set(r *http.Request, name, value string) {
	if value != "" {
		r.Header.Set(name, value)
	}
}

// mayCall is the rule of the documentation about pages.
func mayCall(origin, site, own, listed string) bool {
	switch {
	case origin == listed:
		return true
	case site != "":
		return site == "same-origin" || site == "none"
	}
	return origin == "" || origin == own
}

// wantedStatus is the answer to {} without a cookie.
func wantedStatus(operation, method, media string, mayCall bool) int {
	switch {
	case method != http.MethodPost:
		return http.StatusMethodNotAllowed
	case !mayCall:
		return http.StatusForbidden
	case operation == "logout":
		return http.StatusNoContent
	case media != "application/json":
		return http.StatusUnsupportedMediaType
	case operation == "login":
		return http.StatusBadRequest
	}
	return http.StatusUnprocessableEntity
}
