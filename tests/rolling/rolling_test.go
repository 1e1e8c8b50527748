// Package rolling restarts servers behind the proxies of deploy/ while clients go on.
package rolling

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// node is one place of a server, which several processes take one after the other.
type node struct{ public, operations string }

func newNode(t *testing.T) node {
	t.Helper()
	public, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	operations, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	return node{public, operations}
}

func (n node) start(t *testing.T, store string) *server.Refreshd {
	t.Helper()
	r := shared.Start(t, "--listen="+n.public, "--ops-listen="+n.operations, "--store="+store,
		"--rotation", "--drain=3s", "--trusted-proxies=127.0.0.0/8")
	r.Await(t, "the server to be ready", func() bool {
		answer, err := http.Get("http://" + n.operations + "/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	return r
}

func nginx(t *testing.T, one, two node) string {
	return server.Deployed(t, "nginx/refreshd.conf", func(address, folder string) []string {
		return []string{
			"listen 443", "listen " + address,
			"/etc/ssl/auth.example.com/fullchain.pem", folder + "/cert.pem",
			"/etc/ssl/auth.example.com/privkey.pem", folder + "/key.pem",
			"10.0.0.11:8080", one.public, "10.0.0.12:8080", two.public,
		}
	}, server.NginxCommand(t))
}

func haproxy(t *testing.T, one, two node) string {
	return server.Deployed(t, "haproxy/haproxy.cfg", func(address, folder string) []string {
		return []string{
			"bind :443", "bind " + address,
			"/etc/ssl/auth.example.com.pem", folder + "/both.pem",
			"check port 9090 ", "check ",
			"10.0.0.11:8080", one.public + " port " + port(one.operations),
			"10.0.0.12:8080", two.public + " port " + port(two.operations),
		}
	}, server.HAProxyCommand)
}

func port(address string) string { return address[strings.LastIndexByte(address, ':')+1:] }

// Two servers are restarted one after the other, and no request is lost.
func TestRollingRestart(t *testing.T) {
	for name, start := range map[string]func(*testing.T, node, node) string{
		"nginx": nginx, "HAProxy": haproxy,
	} {
		t.Run(name, func(t *testing.T) {
			if os.Getenv("REFRESH_HA") == "" {
				t.Parallel()
				restart(t, start, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
				return
			}
			// One after the other, so that each has the machine for its load.
			for engine, store := range map[string]string{
				"SQLite":     "sqlite:" + filepath.Join(t.TempDir(), "refresh.db"),
				"PostgreSQL": shared.Postgres(t).NewDatabase(t),
			} {
				t.Run(engine, func(t *testing.T) { restart(t, start, store) })
			}
		})
	}
}

// restart restarts two servers on a store behind a proxy, one after the other.
func restart(t *testing.T, proxy func(*testing.T, node, node) string, store string) {
	t.Helper()
	nodes := []node{newNode(t), newNode(t)}
	running := []*server.Refreshd{nodes[0].start(t, store), nodes[1].start(t, store)}
	load := begin(t, "https://"+proxy(t, nodes[0], nodes[1]))
	const some = 500
	for i := range nodes {
		load.await(t, some) // through both servers
		if err := running[i].Stop(); err != nil {
			t.Error(err)
		}
		load.await(t, some)
		running[i] = nodes[i].start(t, store)
	}
	load.await(t, some)
	load.stop(t)
}

// load is clients that refresh through a proxy.
type load struct {
	answered, lost atomic.Int64
	first          atomic.Pointer[string] // the first loss
	began          time.Time
	cancel         context.CancelFunc
	clients        sync.WaitGroup
}

// begin starts clients that together send 1,000 requests a second, as far as the machine allows.
func begin(t *testing.T, proxy string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel}
	client := &http.Client{Timeout: server.Patience, Transport: &http.Transport{
		TLSClientConfig:     &tls.Config{InsecureSkipVerify: true},
		MaxIdleConnsPerHost: 20,
	}}
	t.Cleanup(client.CloseIdleConnections)
	l.began = time.Now()
	for i := range 20 {
		refreshToken := newToken(t, fmt.Sprint("user", i))
		l.clients.Go(func() {
			due := time.NewTicker(20 * time.Millisecond)
			defer due.Stop()
			for ctx.Err() == nil {
				refreshToken = l.refresh(client, proxy, refreshToken)
				<-due.C
			}
		})
	}
	t.Cleanup(func() { cancel(); l.clients.Wait() })
	return l
}

// newToken returns a refresh token as a login signs it.
func newToken(t *testing.T, identity string) string {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	user := login.Token{Identity: identity, Lifetime: time.Hour}
	refreshToken, err := user.Sign(keys, token.Rules{MaxLifetime: time.Hour}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return refreshToken
}

// refresh redeems a refresh token and returns its successor, or itself if no answer came.
func (l *load) refresh(client *http.Client, proxy, refreshToken string) string {
	body := strings.NewReader(`{"refresh_token":"` + refreshToken + `"}`)
	answer, err := client.Post(proxy+"/api/v1/refresh", "application/json", body)
	var tokens struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err == nil {
		text, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		err = json.Unmarshal(text, &tokens)
		switch {
		case answer.StatusCode != http.StatusOK || tokens.RefreshToken == "":
			err = fmt.Errorf("%d %s", answer.StatusCode, text)
		case answer.Header.Get("Strict-Transport-Security") == "":
			err = errors.New("an answer without Strict-Transport-Security")
		}
	}
	l.answered.Add(1)
	if err == nil {
		return tokens.RefreshToken
	}
	loss := err.Error()
	l.lost.Add(1)
	l.first.CompareAndSwap(nil, &loss)
	return refreshToken
}

// await waits until so many further requests are answered.
func (l *load) await(t *testing.T, more int64) {
	t.Helper()
	goal := l.answered.Load() + more
	for deadline := time.Now().Add(server.Patience); l.answered.Load() < goal; {
		if time.Now().After(deadline) {
			t.Fatalf("%d answers, want %d", l.answered.Load(), goal)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.clients.Wait()
	if lost := l.lost.Load(); lost > 0 {
		t.Errorf("%d of %d requests were lost, the first one: %s", lost, l.answered.Load(), *l.first.Load())
	}
	rate := float64(l.answered.Load()) / time.Since(l.began).Seconds()
	t.Logf("%d requests, %.0f a second, %d lost", l.answered.Load(), rate, l.lost.Load())
}
