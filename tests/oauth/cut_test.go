package oauth

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

// TestCutConnections: connections to a server break at any moment of a refresh, in the first round
// after the commit. The user stays logged in. A request of a broken connection may reach the server
// after the next ones, so the server must have its window.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	service := shared.Start(t, "--rotation")
	proxy := server.StartProxy(t, strings.TrimPrefix(service.URL, "http://"))
	proxy.Set(server.HoldsAnswers)
	for round := range server.Rounds(100, 10_000) {
		a := &app{
			t:       t,
			timeout: server.Patience,
			config: &oauth2.Config{
				ClientID: "shop",
				Endpoint: oauth2.Endpoint{TokenURL: "http://" + proxy.Address() + tokenPath},
			},
			stored: &oauth2.Token{RefreshToken: signed(t)},
		}
		cut := make(chan struct{})
		time.AfterFunc(time.Duration(round%50)*50*time.Microsecond, func() {
			defer close(cut)
			if round == 0 {
				service.Await(t, "the first rotation", func() bool {
					return rotations(t, service, "adopted") == "1"
				})
			}
			proxy.Cut()
			proxy.Set(server.Passes)
		})
		a.refreshes(true)
		<-cut
		a.refreshes(false) // inside the window
	}
	if n := rotations(t, service, "again"); n == "0" {
		t.Error("no answer was lost after its commit")
	}
}

// rotations returns how many refreshes had an answer.
func rotations(t *testing.T, service *server.Refreshd, answer string) string {
	response, err := http.Get(service.Operations + "/metrics")
	if err != nil {
		t.Error(err)
		return ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	_, rest, _ := strings.Cut(string(text), `refreshd_rotations_total{answer="`+answer+`"} `)
	n, _, _ := strings.Cut(rest, "\n")
	return n
}

// signed returns a refresh token of the login.
func signed(t *testing.T) string {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	user := login.Token{Identity: "ana@example.com", Name: "Ana"}
	pair, err := user.Pair(keys, token.Rules{}, time.Now(), time.Minute, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return pair.RefreshToken
}
