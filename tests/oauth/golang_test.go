package oauth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"kalsel.dev/refresh/tests/server"
)

const (
	tokenPath  = "/oauth2/token"
	revokePath = "/oauth2/revoke"
)

var errLogin = errors.New("the user must log in")

// app is a program with golang.org/x/oauth2, as docs/clients.md describes it. The library finds out
// by itself how the client names itself.
type app struct {
	t        *testing.T
	fake     server.Fake
	identity string
	config   *oauth2.Config
	timeout  time.Duration
	stored   *oauth2.Token // on its disk
	failure  error         // the last one
}

// newApp returns a program whose user has just logged in.
func newApp(t *testing.T, fake server.Fake, identity string, refreshSeconds int) *app {
	t.Helper()
	a := &app{
		t:        t,
		fake:     fake.For(t),
		identity: identity,
		config: &oauth2.Config{
			ClientID: "shop",
			Endpoint: oauth2.Endpoint{TokenURL: fake.URL + tokenPath},
		},
		timeout: server.Patience,
	}
	tokens := a.fake.Login(map[string]any{
		"identity":        identity,
		"refresh_seconds": refreshSeconds,
	})
	a.stored = &oauth2.Token{
		AccessToken:  tokens.AccessToken,
		RefreshToken: tokens.RefreshToken,
	}
	return a
}

// plan orders a behaviour for the next requests of the user to a path. The members of more are
// further ones of POST /fake/next.
func (a *app) plan(path, behaviour string, times int, more map[string]any) {
	a.t.Helper()
	plan := map[string]any{
		"identity":  a.identity,
		"path":      path,
		"behaviour": behaviour,
		"times":     times,
	}
	maps.Copy(plan, more)
	a.fake.Plan(plan)
}

func (a *app) grants() int { return a.fake.Count(a.identity, tokenPath) }

// source returns a source that starts with the stored token, as after a start of the program.
func (a *app) source() oauth2.TokenSource {
	client := &http.Client{Timeout: a.timeout}
	return a.config.TokenSource(context.WithValue(a.t.Context(), oauth2.HTTPClient, client),
		a.stored)
}

// judged returns errLogin if the server says that the refresh token has no use any more. Any other
// error is passing.
func judged(err error) error {
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok &&
		refused.ErrorCode == "invalid_grant" {
		return errLogin
	}
	return err
}

// refresh refreshes once and stores the new tokens.
func (a *app) refresh() error {
	next, err := a.source().Token()
	if err != nil {
		return judged(err)
	}
	a.stored = next
	return nil
}

// refreshes refreshes, if need be several times, and fails the test if the user has to log in. It
// notes the last error.
func (a *app) refreshes(rotation bool) {
	a.t.Helper()
	old := *a.stored
	a.eventually()
	if a.stored.AccessToken == old.AccessToken || !a.stored.Valid() {
		a.t.Error("there is no new access token")
	}
	if (a.stored.RefreshToken != old.RefreshToken) != rotation {
		a.t.Errorf("with rotation %t, the refresh token was kept or replaced", rotation)
	}
}

// eventually refreshes until that succeeds. The user must not have to log in.
func (a *app) eventually() {
	a.t.Helper()
	a.expire()
	err := a.refresh()
	for deadline := time.Now().Add(server.Patience); err != nil; err = a.refresh() {
		a.failure = err
		if errors.Is(err, errLogin) || time.Now().After(deadline) {
			a.t.Fatal(err)
		}
	}
}

// expire makes the access token look expired.
func (a *app) expire() { a.stored.Expiry = time.Now().Add(-time.Second) }

func TestGolang(t *testing.T) {
	t.Parallel()
	inBothModes(t, func(t *testing.T, fake server.Fake, rotation bool) {
		t.Run("OK", func(t *testing.T) {
			t.Parallel()
			a := newApp(t, fake, "ok", 3600)
			for range 3 {
				a.refreshes(rotation)
			}
		})
		for name, p := range map[string]struct {
			behaviour string
			more      map[string]any
			requests  int    // at least so many are needed
			failure   string // a part of the text of the error
			timeout   time.Duration
		}{
			"lost answer": {behaviour: "lose_answer", requests: 4, failure: "EOF"},
			"cut answer":  {behaviour: "truncate", requests: 4, failure: "unexpected EOF"},
			"short delay": {behaviour: "delay", more: map[string]any{"delay_ms": 50}, requests: 1},
			"client's limit": {
				behaviour: "delay",
				more:      map[string]any{"delay_ms": 600_000},
				requests:  4,
				failure:   "Client.Timeout",
				timeout:   time.Second,
			},
			"503":      {behaviour: "503", requests: 4, failure: `oauth2: "unavailable"`},
			"429":      {behaviour: "429", requests: 4, failure: `oauth2: "rate_limiter"`},
			"500":      {behaviour: "500", requests: 4, failure: `oauth2: "internal"`},
			"page 502": {behaviour: "html", requests: 4, failure: "502 Bad Gateway"},
			"page 400": {"html", map[string]any{"status": 400}, 4, "400 Bad Request", 0},
			"page 401": {"html", map[string]any{"status": 401}, 4, "401 Unauthorized", 0},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				a := newApp(t, fake, strings.ReplaceAll(name, " ", "-"), 3600)
				a.timeout = cmp.Or(p.timeout, a.timeout)
				a.plan(tokenPath, p.behaviour, 3, p.more)
				a.refreshes(rotation)
				text := fmt.Sprint(a.failure)
				if !strings.Contains(text, cmp.Or(p.failure, "<nil>")) {
					t.Errorf("error %s, want %q", text, p.failure)
				}
				if n := a.grants(); n < p.requests {
					t.Errorf("%d requests, want at least %d", n, p.requests)
				}
				a.refreshes(rotation)
			})
		}
		t.Run("ErrExpired", func(t *testing.T) {
			t.Parallel()
			a := newApp(t, fake, "expired", -1)
			a.mustLogIn()
			if n := a.grants(); n != 2 { // the library tries both ways to name the client
				t.Errorf("%d requests, want 2", n)
			}
		})
		t.Run("ErrLoggedOut", func(t *testing.T) {
			t.Parallel()
			a := newApp(t, fake, "logout", 3600)
			a.refreshes(rotation)
			a.logOut()
			a.mustLogIn()
		})
		t.Run("parallel", func(t *testing.T) {
			t.Parallel()
			parallel(t, fake, rotation)
		})
	})
}

func (a *app) mustLogIn() {
	a.t.Helper()
	a.expire()
	if err := a.refresh(); !errors.Is(err, errLogin) {
		a.t.Errorf("after the end of the session: %v", err)
	}
}

// logOut revokes the session. The first answer is a 503, so that the session still lives.
func (a *app) logOut() {
	a.t.Helper()
	a.plan(revokePath, "503", 1, nil)
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusOK} {
		form := url.Values{"token": {a.stored.RefreshToken}, "client_id": {a.config.ClientID}}
		answer, err := http.PostForm(a.fake.URL+revokePath, form)
		if err != nil {
			a.t.Fatal(err)
		}
		_ = answer.Body.Close() // it is empty or of no interest
		if answer.StatusCode != status {
			a.t.Fatalf("a logout is answered %d, want %d", answer.StatusCode, status)
		}
	}
}
