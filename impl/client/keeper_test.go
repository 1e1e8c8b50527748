package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/client"
)

func TestWrongClock(t *testing.T) {
	clocks := map[string]time.Duration{"right": 0, "ahead": time.Hour, "behind": -time.Hour}
	for name, wrong := range clocks {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			k, c := loggedIn(t, s, func(config *client.Config) {
				now := config.Now
				config.Now = func() time.Time { return now().Add(wrong) }
			})
			first := access(t, k)
			c.Pass(530 * time.Second)
			if access(t, k) != first || s.refreshes.Load() != 0 {
				t.Error("refreshed too early")
			}
			c.Pass(60 * time.Second)
			if access(t, k) == first {
				t.Error("not refreshed ahead of expiry")
			}
		})
	}
}

func TestOneRefreshForAll(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	c.Pass(time.Hour)
	seen := sync.Map{}
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() { seen.Store(access(t, k), true) })
	}
	wait.Wait()
	count := 0
	seen.Range(func(any, any) bool { count++; return true })
	if count != 1 || s.refreshes.Load() != 1 {
		t.Errorf("%d tokens, %d refreshes", count, s.refreshes.Load())
	}
}

func TestCancelledCallerDoesNotStopRefresh(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	c.Pass(time.Hour)
	arrived, release := make(chan bool, 1), make(chan bool)
	s.answer.Store(func(w http.ResponseWriter) { arrived <- true; <-release; accept("R1")(w) })
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { _, err := k.AccessToken(ctx); failed <- err }()
	<-arrived
	cancel()
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled caller got %v", err)
	}
	close(release)
	access(t, k)
	if s.refreshes.Load() != 1 {
		t.Errorf("%d refreshes", s.refreshes.Load())
	}
}

func TestRotation(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, func(c *client.Config) { c.Limit = 10 })
	for i, want := range []string{"R0", "R1", "R2"} {
		s.answer.Store(accept(fmt.Sprint("R", i+1)))
		if err := k.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.request(t); got["refresh_token"] != want || got["limit"] != 10.0 {
			t.Errorf("sent %v, want %s", got, want)
		}
	}
}

func TestTokenSource(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	token, err := k.Token()
	if err != nil || token.Type() != "Bearer" || !token.Expiry.Equal(c.Now().Add(10*time.Minute)) {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestNewRefusesBadConfiguration(t *testing.T) {
	for name, config := range map[string]client.Config{
		"no server": {},
		"relative":  {Server: "/x"},
		"scheme":    {Server: "ftp://x"},
		"limit":     {Server: "https://x.example", Limit: 9},
	} {
		if _, err := client.New(config); err == nil {
			t.Error(name)
		}
	}
}

func TestLoginRefusesMilliseconds(t *testing.T) {
	k, _ := loggedIn(t, newService(t), nil)
	tokens := login()
	tokens.Expired *= 1000
	err := k.Login(t.Context(), tokens)
	if err == nil || !strings.Contains(err.Error(), "milliseconds") {
		t.Errorf("got %v", err)
	}
}

// An answer is used if the held access token is over, even if its iat is earlier.
func TestClockOfServerPutBack(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	c.Pass(time.Hour)
	s.answer.Store(func(w http.ResponseWriter) {
		const now = serverNow - 3600
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"expired":%d}`, jwt(now, now+600), now+600)
	})
	first := access(t, k)
	if access(t, k) != first || s.refreshes.Load() != 1 {
		t.Errorf("%d refreshes", s.refreshes.Load())
	}
}
