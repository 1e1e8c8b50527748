//go:build linux

package deploy

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/tests/server"
)

// caddy starts Caddy with deploy/caddy/Caddyfile in front of the backends, and returns its URL.
func caddy(t *testing.T, healthPort string, backends ...string) string {
	t.Helper()
	return server.Caddy(t, "caddy/Caddyfile", func(url string) []string {
		return []string{
			"REFRESH_SITE=" + url,
			"REFRESH_BACKENDS=" + strings.Join(backends, " "),
			"REFRESH_HEALTH_PORT=" + healthPort,
		}
	})
}

var client = &http.Client{
	Timeout: 20 * time.Second,
	Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // Caddy's own authority
	},
}

// signed returns a login's refresh token that expires after a time.
func signed(t *testing.T, expires time.Duration) string {
	t.Helper()
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"identity": "me@example.com",
		"type":     1,
		"jti":      rand.Text(),
		"iat":      time.Now().Add(-time.Hour).Unix(),
		"exp":      time.Now().Add(expires).Unix(),
	}).SignedString([]byte(server.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func refresh(t *testing.T, url, token string) (*http.Response, error) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"refresh_token": token, "limit": 10})
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Post(url+"/api/v1/refresh", "application/json", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	return response, err
}

// TestCaddy: refreshes work through Caddy, an expired token is 421, the answers have HSTS, and
// requests go on when one of two servers dies.
func TestCaddy(t *testing.T) {
	t.Parallel()
	store := "--store=sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	public, operations := freePort(t), freePort(t)
	var nodes []*server.Refreshd
	var backends []string
	for _, host := range []string{"127.0.0.1", "127.0.0.2"} {
		address := net.JoinHostPort(host, public)
		nodes = append(nodes,
			shared.Start(t, store, "--listen="+address,
				"--ops-listen="+net.JoinHostPort(host, operations)))
		backends = append(backends, address)
	}
	url := caddy(t, operations, backends...)
	nodes[0].Await(t, "an answer through Caddy", func() bool {
		response, err := refresh(t, url, signed(t, time.Hour))
		return err == nil && response.StatusCode == http.StatusOK
	})
	response, err := refresh(t, url, signed(t, time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get(
		"Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
	if response, err = refresh(t, url, signed(t, -time.Minute)); err != nil ||
		response.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("an expired token: %v, %v; want 421", response, err)
	}
	nodes[0].Kill()
	// Until Caddy has noticed, the answer may be 502, which every client retries.
	inARow := 0
	nodes[1].Await(t, "twenty good answers in a row", func() bool {
		response, err := refresh(t, url, signed(t, time.Hour))
		switch {
		case err == nil && response.StatusCode == http.StatusOK:
			inARow++
		case err == nil && response.StatusCode == http.StatusBadGateway:
			inARow = 0
		default:
			t.Fatalf("with one server dead: %v, %v", response, err)
		}
		return inARow == 20
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	address, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// TestCaddyForwards: a server sees the Host and the scheme that the client used, and not the
// forwarding headers that the client wrote.
func TestCaddyForwards(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 100)
	backend := server.Serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/seen" {
			seen <- r
		}
	}))
	url := caddy(t, backend.Port(), backend.Host)
	request, err := http.NewRequest(http.MethodGet, url+"/seen", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "192.0.2.1")
	request.Header.Set("X-Forwarded-Proto", "http")
	response, err := client.Do(request)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("through Caddy: %v, %v", response, err)
	}
	response.Body.Close()
	got := <-seen
	if want := request.URL.Host; got.Host != want {
		t.Errorf("Host %q, want %q", got.Host, want)
	}
	if proto := got.Header.Get("X-Forwarded-Proto"); proto != "https" {
		t.Errorf("X-Forwarded-Proto %q, want https", proto)
	}
	if from := got.Header.Get("X-Forwarded-For"); !strings.HasPrefix(from, "127.") &&
		from != "::1" {
		t.Errorf("X-Forwarded-For %q, want the address of the client alone", from)
	}
}
