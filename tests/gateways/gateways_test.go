// Package gateways runs the files of deploy/gateways in front of an API, with the real proxies and
// the real server.
package gateways

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// place is a gateway with the API behind it.
type place struct {
	t        testing.TB
	url      string
	refreshd string
	client   *http.Client
	// asked is the last request that reached the API, with its body.
	asked atomic.Pointer[request]
	// away makes refreshd unavailable: each connection to it is cut.
	away atomic.Bool
}

type request struct {
	*http.Request

	body string
}

// gateway starts a gateway of deploy/gateways in front of refreshd and an API, and returns its URL.
// With claims, the file is changed as its comment says for an API that needs all claims.
type gateway func(t testing.TB, refreshd, operations, api *url.URL, claims bool) string

func gateways() map[string]gateway {
	return map[string]gateway{"nginx": nginx, "Caddy": caddy, "HAProxy": haproxy}
}

func nginx(t testing.TB, refreshd, _, api *url.URL, claims bool) string {
	replace := func(address, folder string) []string {
		const question = "location /_authenticate {"
		args := ""
		if claims {
			args = "set $args claims=true;"
		}
		return []string{
			question, question + args,
			"listen 443", "listen " + address,
			"/etc/ssl/api.example.com/fullchain.pem", folder + "/cert.pem",
			"/etc/ssl/api.example.com/privkey.pem", folder + "/key.pem",
			"10.0.0.11:8080", refreshd.Host, "10.0.0.12:8080", refreshd.Host,
			"10.0.0.21:3000", api.Host,
		}
	}
	return "https://" + server.Deployed(t, "gateways/nginx.conf", replace, server.NginxCommand(t))
}

func haproxy(t testing.TB, refreshd, operations, api *url.URL, claims bool) string {
	inner, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	replace := func(address, folder string) []string {
		script, err := os.ReadFile("../../deploy/gateways/haproxy.lua")
		if err != nil {
			t.Fatal(err)
		}
		const inside = "127.0.0.1:8079"
		if !strings.Contains(string(script), inside) {
			t.Fatalf("haproxy.lua has no %q", inside)
		}
		path := filepath.Join(folder, "haproxy.lua")
		moved := strings.ReplaceAll(string(script), inside, inner)
		if err := os.WriteFile(path, []byte(moved), 0o600); err != nil {
			t.Fatal(err)
		}
		port := " port " + operations.Port()
		query := ""
		if claims {
			query = "?claims=true"
		}
		return []string{
			" if fresh\n", query + " if fresh\n",
			" if admin !fresh", query + " if admin !fresh",
			" if !fresh !admin", query + " if !fresh !admin",
			"bind :443", "bind " + address,
			"/etc/ssl/api.example.com.pem", folder + "/both.pem",
			"/etc/haproxy/haproxy.lua", path,
			inside, inner,
			"check port 9090 ", "check ",
			"10.0.0.11:8080", refreshd.Host + port, "10.0.0.12:8080", refreshd.Host + port,
			"10.0.0.21:3000", api.Host,
		}
	}
	return "https://" + server.Deployed(t, "gateways/haproxy.cfg", replace, server.HAProxyCommand)
}

func caddy(t testing.TB, refreshd, operations, api *url.URL, claims bool) string {
	file := "gateways/Caddyfile"
	if claims {
		file = withClaims(t, file)
	}
	return server.Caddy(t, file, func(url string) []string {
		return []string{
			"API_SITE=" + url,
			"API_BACKENDS=" + api.Host,
			"REFRESH_BACKENDS=" + refreshd.Host,
			"REFRESH_HEALTH_PORT=" + operations.Port(),
		}
	})
}

// withClaims writes the Caddyfile for an API that needs all claims, and returns its path below
// deploy.
func withClaims(t testing.TB, file string) string {
	t.Helper()
	const deploy = "../../deploy"
	text, err := os.ReadFile(filepath.Join(deploy, file))
	if err != nil {
		t.Fatal(err)
	}
	question := regexp.MustCompile(`import authenticated \S+`)
	text = question.ReplaceAll(text, []byte("$0?claims=true"))
	path := filepath.Join(t.TempDir(), "Caddyfile")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	absolute, err := filepath.Abs(deploy)
	if err != nil {
		t.Fatal(err)
	}
	below, err := filepath.Rel(absolute, path)
	if err != nil {
		t.Fatal(err)
	}
	return below
}

// newPlace returns a place without a gateway.
func newPlace(t testing.TB, refreshd string) *place {
	t.Helper()
	p := &place{t: t, refreshd: refreshd, client: &http.Client{
		Timeout: server.Patience,
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // a certificate of this test
		},
	}}
	t.Cleanup(p.client.CloseIdleConnections)
	return p
}

// build starts refreshd, an API and a gateway. The API answers with the status that X-Wanted asks
// for. In front of refreshd stands a proxy, which answers the access tokens 429 and 503 itself.
func build(t testing.TB, start gateway, claims bool) *place {
	t.Helper()
	service := shared.Start(t, "--access-sid")
	p := newPlace(t, service.URL)
	forward := httputil.NewSingleHostReverseProxy(server.URL(t, service.URL))
	front := server.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.away.Load() {
			panic(http.ErrAbortHandler)
		}
		word, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if status, err := strconv.Atoi(word); err == nil {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	api := server.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		p.asked.Store(&request{r, string(body)})
		status, err := strconv.Atoi(r.Header.Get("X-Wanted"))
		if err != nil {
			status = http.StatusOK
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, "the API")
	}))
	p.url = start(t, front, server.URL(t, service.Operations), api, claims)
	// The gateway may have to find out first that refreshd is ready, or to make its certificate.
	service.Await(t, "an answer through the gateway", func() bool {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url, http.NoBody)
		if err != nil {
			return false
		}
		answer, err := p.client.Do(r)
		return err == nil && answer.Body.Close() == nil &&
			answer.StatusCode == http.StatusUnauthorized
	})
	return p
}
