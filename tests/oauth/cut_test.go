package oauth

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

// TestCutConnections: connections to a server break at any moment, and the user stays logged in. A
// request of a broken connection may reach the server after the next ones, so the server must have
// its window.
func TestCutConnections(t *testing.T) {
	t.Parallel()
	service := shared.Start(t, "--rotation")
	proxy := server.StartProxy(t, strings.TrimPrefix(service.URL, "http://"))
	a := &app{
		t:       t,
		timeout: server.Patience,
		config: &oauth2.Config{
			ClientID: "shop",
			Endpoint: oauth2.Endpoint{TokenURL: "http://" + proxy.Address() + tokenPath},
		},
		stored: &oauth2.Token{RefreshToken: signed(t)},
	}
	for round := range server.Rounds(100, 10_000) {
		cut := make(chan struct{})
		time.AfterFunc(time.Duration(round%50)*50*time.Microsecond, func() {
			proxy.Cut()
			close(cut)
		})
		a.eventually()
		<-cut
	}
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
