package apis

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// front stands before refreshd, and may answer requests for the keys in its place.
type front struct {
	target *url.URL
	keys   atomic.Pointer[http.HandlerFunc]
}

// newFront returns a front that answers requests for the keys 503.
func newFront(t *testing.T, refreshd string) *front {
	t.Helper()
	f := &front{target: server.URL(t, refreshd)}
	unavailable := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
	})
	f.keys.Store(&unavailable)
	return f
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if keys := f.keys.Load(); keys != nil && r.URL.Path == "/.well-known/jwks.json" {
		(*keys)(w, r)
		return
	}
	httputil.NewSingleHostReverseProxy(f.target).ServeHTTP(w, r)
}

// judge checks that an API answers 503 to a good token while it cannot read the keys, because 401
// would log the user out, and that it accepts the token afterwards.
func (f *front) judge(t *testing.T, url, token string) {
	t.Helper()
	for name, keys := range map[string]http.HandlerFunc{
		"unavailable": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		"not found":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
		"a page":      func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no keys":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{}")) },
		"cut off":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		f.keys.Store(&keys)
		response := request(t, http.MethodGet, url+"/orders", token)
		if response.StatusCode != 503 || response.Header.Get("Retry-After") == "" {
			t.Errorf("keys: %s: %s, Retry-After %q, want 503", name, response.Status,
				response.Header.Get("Retry-After"))
		}
	}
	f.keys.Store(nil)
	deadline := time.Now().Add(server.Patience)
	for ask(t, http.MethodGet, url+"/orders", token) != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("the access token is not accepted once the keys can be read")
		}
		time.Sleep(20 * time.Millisecond)
	}
}
