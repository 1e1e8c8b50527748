package client_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/client"
)

func TestFinalAnswers(t *testing.T) {
	for _, status := range []int{421, 422} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s, store := newService(t), &memory{}
			k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
			s.answer.Store(refuse(status))
			err := k.Refresh(t.Context())
			var refused *client.Error
			if !errors.Is(err, client.ErrLoginRequired) || !errors.As(err, &refused) {
				t.Fatalf("got %v", err)
			}
			if refused.Status != status || refused.Causes[0] != "because" {
				t.Errorf("got %+v", refused)
			}
			if _, err := k.AccessToken(t.Context()); !errors.Is(err, client.ErrLoginRequired) {
				t.Errorf("still logged in: %v", err)
			}
			got, _ := store.Load(t.Context())
			if got.RefreshToken != "" || s.refreshes.Load() != 1 {
				t.Errorf("store has %q after %d refreshes", got.RefreshToken, s.refreshes.Load())
			}
		})
	}
}

func TestRefusalOfTokenThatWasReplaced(t *testing.T) {
	s, store := newService(t), &memory{}
	k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	newer := login()
	newer.RefreshToken, newer.Received = "R9", time.Unix(serverNow, 0)
	s.answer.Store(func(w http.ResponseWriter) {
		_ = store.Save(t.Context(), newer)
		refuse(422)(w)
	})
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if access(t, k) != newer.AccessToken {
		t.Error("the keeper does not use the newer session")
	}
}

func TestTemporaryFailure(t *testing.T) {
	for name, failure := range map[string]func(http.ResponseWriter){
		"429":   refuse(429),
		"500":   refuse(500),
		"503":   refuse(503),
		"hotel": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"rubbish": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{")
		},
		"no token": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		},
		"redirected": refuse(http.StatusTemporaryRedirect, "Location", "/elsewhere"),
		"cut off":    func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			k, c := loggedIn(t, s, nil)
			s.answer.Store(func(w http.ResponseWriter) {
				if s.refreshes.Load() > 3 {
					accept("")(w)
					return
				}
				failure(w)
			})
			old := access(t, k)
			if err := k.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if access(t, k) == old {
				t.Error("the access token is still the old one")
			}
			if s.refreshes.Load() != 4 || len(c.slept) != 3 || c.slept[2] < time.Second {
				t.Errorf("%d refreshes, slept %v", s.refreshes.Load(), c.slept)
			}
		})
	}
}

func TestLastingFailure(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	s.answer.Store(refuse(503))
	c.Pass(time.Hour)
	_, err := k.AccessToken(t.Context())
	if !errors.Is(err, client.ErrTemporary) || errors.Is(err, client.ErrLoginRequired) {
		t.Errorf("got %v", err)
	}
	s.answer.Store(accept(""))
	access(t, k)
}

// A proxy may answer 421 or 422 too. Only the refresh service can end the session.
func TestFinalStatusOfProxy(t *testing.T) {
	for name, body := range map[string]string{"page": "<html>", "JSON": `{"error":"x"}`} {
		for _, status := range []int{421, 422} {
			t.Run(fmt.Sprint(status, name), func(t *testing.T) {
				s := newService(t)
				k, _ := loggedIn(t, s, nil)
				s.answer.Store(func(w http.ResponseWriter) {
					w.WriteHeader(status)
					_, _ = io.WriteString(w, body)
				})
				err := k.Refresh(t.Context())
				if !errors.Is(err, client.ErrTemporary) || errors.Is(err, client.ErrLoginRequired) {
					t.Errorf("got %v", err)
				}
				access(t, k)
			})
		}
	}
}

func TestCallersMistake(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	s.answer.Store(refuse(400))
	err := k.Refresh(t.Context())
	known := errors.Is(err, client.ErrTemporary) || errors.Is(err, client.ErrLoginRequired)
	if err == nil || known || s.refreshes.Load() != 1 {
		t.Errorf("got %v after %d refreshes", err, s.refreshes.Load())
	}
	access(t, k)
}

func TestRetryAfter(t *testing.T) {
	for name, header := range map[string][]string{
		"seconds": {"Retry-After", "7"},
		"date": {
			"Retry-After", "Tue, 14 Nov 2023 22:13:29 GMT",
			"Date", "Tue, 14 Nov 2023 22:13:22 GMT",
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			k, c := loggedIn(t, s, nil)
			s.answer.Store(func(w http.ResponseWriter) {
				s.answer.Store(accept(""))
				refuse(503, header...)(w)
			})
			if err := k.Refresh(t.Context()); err != nil || c.slept[0] != 7*time.Second {
				t.Errorf("slept %v: %v", c.slept, err)
			}
		})
	}
	t.Run("too long to wait", func(t *testing.T) {
		s := newService(t)
		k, c := loggedIn(t, s, nil)
		s.answer.Store(refuse(429, "Retry-After", "120"))
		for range 3 {
			var refused *client.Error
			err := k.Refresh(t.Context())
			if !errors.As(err, &refused) || refused.RetryAfter != 120*time.Second {
				t.Errorf("got %v", err)
			}
		}
		if s.refreshes.Load() != 1 {
			t.Errorf("%d refreshes before Retry-After was over", s.refreshes.Load())
		}
		c.Pass(2 * time.Minute)
		s.answer.Store(accept(""))
		if err := k.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestRefreshTokenFollowsNoRedirect(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	var visits atomic.Int64
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		visits.Add(1)
	}))
	t.Cleanup(thief.Close)
	s.answer.Store(refuse(http.StatusTemporaryRedirect, "Location", thief.URL))
	if err := k.Refresh(t.Context()); !errors.Is(err, client.ErrTemporary) || visits.Load() != 0 {
		t.Errorf("%v, %d visits", err, visits.Load())
	}
}
