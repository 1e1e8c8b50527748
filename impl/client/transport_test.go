package client_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/client"
)

func TestTransportAddsToken(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	web := &http.Client{Transport: k.Transport(nil)}
	response, err := web.Get(s.URL + "/things")
	if _, got := body(t, response, err); got != access(t, k) {
		t.Errorf("sent %q", got)
	}
}

func TestTransportKeepsTokenFromOthers(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "got "+r.Header.Get("Authorization"))
	}))
	t.Cleanup(other.Close)
	s.api.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	web := &http.Client{Transport: k.Transport(nil)}
	for name, url := range map[string]string{"direct": other.URL, "redirected": s.URL} {
		response, err := web.Get(url)
		if _, got := body(t, response, err); got != "got " {
			t.Errorf("%s: %s", name, got)
		}
	}
	response, err := (&http.Client{Transport: k.Transport(nil, other.URL)}).Get(other.URL)
	if _, got := body(t, response, err); !strings.HasPrefix(got, "got Bearer ") {
		t.Errorf("with the origin allowed: %s", got)
	}
}

func TestTransportWarnsOfOriginWithoutToken(t *testing.T) {
	s := newService(t)
	var log bytes.Buffer
	k, _ := loggedIn(t, s, func(c *client.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(other.Close)
	web := &http.Client{Transport: k.Transport(nil)}
	for range 2 {
		response, err := web.Get(other.URL)
		if status, _ := body(t, response, err); status != http.StatusUnauthorized {
			t.Errorf("status %d", status)
		}
	}
	if text := log.String(); strings.Count(text, "answered 401") != 1 ||
		!strings.Contains(text, "origin="+other.URL) {
		t.Errorf("logged %q", text)
	}
}

// refusing returns a handler that answers 401 if bad returns true for the token, and 200 otherwise.
// The second result returns the bodies that the handler received.
func refusing(bad func(string) bool) (http.HandlerFunc, func() []string) {
	var mu sync.Mutex
	var bodies []string
	handler := func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		mu.Lock()
		bodies = append(bodies, string(text))
		mu.Unlock()
		if bad(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")) {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
	return handler, func() []string { mu.Lock(); defer mu.Unlock(); return bodies }
}

func TestTransportRepeatsOnceAfter401(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	old := access(t, k)
	handler, bodies := refusing(func(token string) bool { return token == old })
	s.api.Store(handler)
	web := &http.Client{Transport: k.Transport(nil)}
	response, err := web.Post(s.URL+"/things", "text/plain", strings.NewReader("hello"))
	status, _ := body(t, response, err)
	if status != 200 || strings.Join(bodies(), " ") != "hello hello" || s.refreshes.Load() != 1 {
		t.Errorf("%d, bodies %q, %d refreshes", status, bodies(), s.refreshes.Load())
	}
}

func TestTransportLeavesIncurable401(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	handler, bodies := refusing(func(string) bool { return true })
	s.api.Store(handler)
	web := &http.Client{Transport: k.Transport(nil)}
	for range 3 {
		response, err := web.Get(s.URL + "/things")
		if status, _ := body(t, response, err); status != 401 {
			t.Error(status)
		}
	}
	if len(bodies()) != 4 || s.refreshes.Load() != 1 {
		t.Errorf("%d requests, %d refreshes", len(bodies()), s.refreshes.Load())
	}
}

func TestTransportCannotRepeatStream(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	old := access(t, k)
	handler, bodies := refusing(func(token string) bool { return token == old })
	s.api.Store(handler)
	web := &http.Client{Transport: k.Transport(nil)}
	stream := io.MultiReader(strings.NewReader("hel"), strings.NewReader("lo"))
	response, err := web.Post(s.URL+"/things", "text/plain", stream)
	if status, _ := body(t, response, err); status != 401 || len(bodies()) != 1 {
		t.Errorf("%d, bodies %q", status, bodies())
	}
	response, err = web.Get(s.URL + "/things")
	if status, _ := body(t, response, err); status != 200 {
		t.Errorf("the next request: %d", status)
	}
}

func TestTransportWithoutSession(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	s.answer.Store(refuse(421))
	c.Pass(time.Hour)
	_, err := (&http.Client{Transport: k.Transport(nil)}).Get(s.URL + "/things")
	if !errors.Is(err, client.ErrLoginRequired) {
		t.Errorf("got %v", err)
	}
}

func TestTransportLeavesRequestAlone(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	request, _ := http.NewRequest(http.MethodGet, s.URL, nil)
	request.Header.Set("Authorization", "Basic x")
	response, err := k.Transport(nil).RoundTrip(request)
	if _, got := body(t, response, err); got != "Basic x" {
		t.Error(got)
	}
	request.Header.Del("Authorization")
	response, err = k.Transport(nil).RoundTrip(request)
	body(t, response, err)
	if request.Header.Get("Authorization") != "" {
		t.Error("Transport changed the caller's request")
	}
}
