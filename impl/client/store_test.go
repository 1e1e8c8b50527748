package client_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/client"
)

func TestLateAnswer(t *testing.T) {
	for name, newer := range map[string]client.Tokens{
		"rotated further": {AccessToken: jwt(serverNow, serverNow+600), RefreshToken: "R2"},
		"logged out":      {},
	} {
		t.Run(name, func(t *testing.T) {
			s, store := newService(t), &memory{}
			k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
			s.answer.Store(func(w http.ResponseWriter) {
				_ = store.Save(t.Context(), newer)
				accept("R1")(w)
			})
			if err := k.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, _ := store.Load(t.Context()); got != newer {
				t.Errorf("overwritten by %+v", got)
			}
		})
	}
}

func TestBrokenStoreLosesNothing(t *testing.T) {
	s, store := newService(t), &memory{}
	k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	store.broken.Store(true)
	s.answer.Store(accept("R1"))
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.broken.Store(false)
	s.request(t)
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.request(t); got["refresh_token"] != "R1" {
		t.Errorf("sent %v", got)
	}
	if got, _ := store.Load(t.Context()); got.RefreshToken != "R1" {
		t.Errorf("store has %+v", got)
	}
}

func TestAnotherProgramRefreshed(t *testing.T) {
	s, store := newService(t), &memory{}
	k, c := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	c.Pass(time.Hour)
	newer := login()
	newer.RefreshToken, newer.Received = "R1", c.Now()
	_ = store.Save(t.Context(), newer)
	if access(t, k) != newer.AccessToken || s.refreshes.Load() != 0 {
		t.Errorf("%d refreshes for a token that another program had refreshed", s.refreshes.Load())
	}
}

func TestStoreOutlivesProgram(t *testing.T) {
	s, store := newService(t), &memory{}
	k, c := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	want := access(t, k)
	again, err := client.New(client.Config{Server: s.URL, Store: store, Now: c.Now, Sleep: c.Sleep})
	if err != nil {
		t.Fatal(err)
	}
	if access(t, again) != want {
		t.Error("another token")
	}
	c.Pass(-time.Hour) // the clock was put back: the age of the token is not known
	third, err := client.New(client.Config{Server: s.URL, Store: store, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	if access(t, third) == want {
		t.Error("a token of unknown age was used")
	}
}

// memory is a store that a test can break. Like a file, it keeps no monotonic clock reading.
type memory struct {
	mu     sync.Mutex
	tokens client.Tokens
	broken atomic.Bool
	full   func(client.Tokens) bool // reports whether saving the tokens fails
}

func (m *memory) Load(context.Context) (client.Tokens, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens, nil
}

func (m *memory) Save(_ context.Context, tokens client.Tokens) error {
	if m.broken.Load() || (m.full != nil && m.full(tokens)) {
		return errors.New("disk full")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens = tokens
	m.tokens.Received = tokens.Received.Round(0)
	return nil
}

// A refresh token that was used must not stay in the store: another program would use it again, and
// the server would revoke the session.
func TestFullStoreKeepsNoUsedToken(t *testing.T) {
	for name, c := range map[string]struct {
		full func(client.Tokens) bool
		want string
	}{
		"for the access token": {func(t client.Tokens) bool { return t.AccessToken != "" }, "R1"},
		"for any token":        {func(t client.Tokens) bool { return t.RefreshToken != "" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, store := newService(t), &memory{}
			k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
			old := access(t, k)
			store.full = c.full
			s.answer.Store(accept("R1"))
			if err := k.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, _ := store.Load(t.Context()); got.RefreshToken != c.want {
				t.Errorf("the store has %q", got.RefreshToken)
			}
			if access(t, k) == old || s.refreshes.Load() != 1 {
				t.Error("the keeper has lost the access token")
			}

			// Another program refreshes. The keeper must use its tokens.
			newer := login()
			newer.RefreshToken, newer.Received = "R2", time.Unix(serverNow, 0)
			store.full = nil
			_ = store.Save(t.Context(), newer)
			s.request(t)
			s.answer.Store(accept("R3"))
			if err := k.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if access(t, k) != newer.AccessToken || s.refreshes.Load() != 1 {
				t.Error("the keeper ignores the tokens of the other program")
			}
		})
	}
}
