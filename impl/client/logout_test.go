package client_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/client"
)

// revocations makes s answer revocations with the function, and returns the refresh tokens that are
// sent.
func revocations(s *service, answer func(http.ResponseWriter)) <-chan string {
	sent := make(chan string, 100)
	s.api.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		_ = json.NewDecoder(r.Body).Decode(&body)
		sent <- r.URL.Path + " " + body["refresh_token"]
		answer(w)
	}))
	return sent
}

func confirm(w http.ResponseWriter) { w.WriteHeader(http.StatusNoContent) }

func TestLogout(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	sent := revocations(s, confirm)
	if err := k.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-sent; got != "/api/v1/revoke R0" {
		t.Error(got)
	}
	if _, err := k.AccessToken(t.Context()); !errors.Is(err, client.ErrLoginRequired) {
		t.Error(err)
	}
}

func TestLogoutOfUnknownSession(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	revocations(s, refuse(422))
	if err := k.Logout(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestUnconfirmedLogout(t *testing.T) {
	for name, failure := range map[string]func(http.ResponseWriter){
		"503":   refuse(503),
		"proxy": func(w http.ResponseWriter) { w.WriteHeader(http.StatusNotFound) },
	} {
		t.Run(name, func(t *testing.T) {
			s, store := newService(t), &memory{}
			k, c := loggedIn(t, s, func(c *client.Config) { c.Store = store })
			sent := revocations(s, failure)
			if err := k.Logout(t.Context()); !errors.Is(err, client.ErrTemporary) {
				t.Errorf("got %v", err)
			}
			if len(sent) != 4 {
				t.Errorf("%d requests", len(sent))
			}
			if _, err := k.AccessToken(t.Context()); !errors.Is(err, client.ErrLoginRequired) {
				t.Errorf("still logged in: %v", err)
			}

			// The next start tries again, and a new login is not affected.
			sent = revocations(s, confirm)
			next, err := client.New(client.Config{Server: s.URL, Store: store, Now: c.Now})
			if err != nil {
				t.Fatal(err)
			}
			tokens := login()
			tokens.RefreshToken = "R9"
			if err := next.Login(t.Context(), tokens); err != nil {
				t.Fatal(err)
			}
			if got := <-sent; got != "/api/v1/revoke R0" {
				t.Error(got)
			}
			for { // until the keeper has read the answer
				stored, _ := store.Load(t.Context())
				if stored.LoggedOut == "" && stored.RefreshToken == "R9" {
					break
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
}

func TestLogoutThatIsNowConfirmed(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	first := true
	sent := revocations(s, func(w http.ResponseWriter) {
		if first {
			first = false
			refuse(503)(w)
			return
		}
		confirm(w)
	})
	if err := k.Logout(t.Context()); err != nil || len(sent) != 2 {
		t.Errorf("%v after %d requests", err, len(sent))
	}
}

// A logout that is answered with a mistake of the caller is not confirmed. It does not keep other
// sessions from being revoked, and the next start tries again.
func TestLogoutThatIsRejected(t *testing.T) {
	s, store := newService(t), &memory{}
	k, c := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	sent := revocations(s, refuse(400))
	err := k.Logout(t.Context())
	failure := (*client.Error)(nil)
	if !errors.As(err, &failure) || failure.Status != 400 || len(sent) != 1 {
		t.Errorf("%v after %d requests", err, len(sent))
	}

	sent = revocations(s, confirm)
	next, err := client.New(client.Config{Server: s.URL, Store: store, Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Logout(t.Context()); err != nil {
		t.Error(err)
	}
	if got := <-sent; got != "/api/v1/revoke R0" {
		t.Error(got)
	}
}

func TestLoginTriesLogoutAgain(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	revocations(s, refuse(503))
	if err := k.Logout(t.Context()); !errors.Is(err, client.ErrTemporary) {
		t.Fatal(err)
	}
	sent := revocations(s, confirm)
	tokens := login()
	tokens.RefreshToken = "R9"
	if err := k.Login(t.Context(), tokens); err != nil {
		t.Fatal(err)
	}
	if got := <-sent; got != "/api/v1/revoke R0" {
		t.Error(got)
	}
}
