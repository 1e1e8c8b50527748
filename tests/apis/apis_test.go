// Package apis runs the APIs of docs/apis with the real server, with a secret and with its key set.
package apis

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

const credential = "api:0123456789abcdef0123456789abcdef"

func commands(t *testing.T) map[string][]string {
	t.Helper()
	guarded := filepath.Join(t.TempDir(), "guarded")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", guarded, "../../docs/apis/guard").
		CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	bundle := filepath.Join(t.TempDir(), "express.mjs")
	esbuild := exec.CommandContext(t.Context(), "../node_modules/.bin/esbuild",
		"../../docs/apis/express.mjs", "--bundle", "--platform=node", "--format=esm", "--outfile="+bundle,
		"--banner:js=import{createRequire}from'module';const require=createRequire(import.meta.url);")
	esbuild.Env = append(os.Environ(), "NODE_PATH="+absolute(t, "../node_modules"))
	if out, err := esbuild.CombinedOutput(); err != nil {
		t.Fatalf("%v: run make install\n%s", err, out)
	}
	return map[string][]string{
		"guard":   {guarded},
		"Express": {node(), bundle},
		"FastAPI": {absolute(t, "../logins/venv/bin/python"), "-B", absolute(t, "../../docs/apis/fastapi_api.py")},
	}
}

func node() string {
	if pinned, _ := filepath.Glob("../node_modules/node-linux-*/bin/node"); len(pinned) > 0 {
		return pinned[0]
	}
	return "node"
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	full, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return full
}

// TestAPIs: each API accepts access tokens, and rejects a refresh token, an expired token, one
// without a signature, one of another key, and one that is not fresh where a fresh one is needed.
func TestAPIs(t *testing.T) {
	t.Parallel()
	run(t, commands(t))
}

// run judges the APIs that the commands start, with a secret and with a key set.
func run(t *testing.T, all map[string][]string) {
	t.Helper()
	credentials := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(credentials, []byte(credential+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for kind, make := range map[string]func(*testing.T) login{"secret": withSecret, "keys": withKeys} {
		l := make(t)
		node := shared.Start(t, append(l.arguments, "--api-credentials="+credentials)...)
		for name, command := range all {
			t.Run(name+" with "+kind, func(t *testing.T) {
				t.Parallel()
				front := newFront(t, node.URL)
				url := start(t, l, server.Serve(t, front).String(), command)
				if kind == "keys" {
					front.judge(t, url, l.sign(t, 0, true, time.Hour))
				}
				judge(t, l, node.URL, url)
			})
		}
	}
}

// start starts an API, and returns its URL.
func start(t *testing.T, l login, refreshd string, command []string) string {
	t.Helper()
	address, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(l.environment, "PATH="+os.Getenv("PATH"), "PORT="+port, "SERVER="+refreshd,
		"CREDENTIAL="+credential, "JWKS_URL="+refreshd+"/.well-known/jwks.json")
	server.Run(t, cmd).AwaitPort(t, "127.0.0.1:"+port)
	return "http://127.0.0.1:" + port
}

// refresh returns the access token that refreshd makes from a refresh token.
func refresh(t *testing.T, refreshd, token string) string {
	t.Helper()
	body := strings.NewReader(`{"refresh_token":"` + token + `"}`)
	response, err := http.Post(refreshd+"/api/v1/refresh", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var tokens server.Tokens
	if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil || tokens.AccessToken == "" {
		t.Fatalf("a refresh: %s, %v", response.Status, err)
	}
	return tokens.AccessToken
}

func judge(t *testing.T, l login, refreshd, url string) {
	t.Helper()
	refreshed := refresh(t, refreshd, l.sign(t, 1, false, time.Hour))
	usual := l.sign(t, 0, false, time.Hour)
	deadline := time.Now().Add(time.Minute)
	for ask(t, http.MethodGet, url+"/orders", usual) != http.StatusOK {
		if time.Now().After(deadline) {
			t.Fatal("the access token is not accepted")
		}
		time.Sleep(20 * time.Millisecond) // the guard reads the feed
	}
	for _, c := range []struct {
		name, method, path, token string
		want                      int
	}{
		{"access token", "GET", "/orders", usual, 200},
		{"refreshed access token", "GET", "/orders", refreshed, 200},
		{"refreshed, not fresh", "POST", "/password", refreshed, 403},
		{"another key", "GET", "/orders", l.other(t).sign(t, 0, true, time.Hour), 401},
		{"fresh access token", "POST", "/password", l.sign(t, 0, true, time.Hour), 204},
		{"not fresh", "POST", "/password", usual, 403},
		{"refresh token", "GET", "/orders", l.sign(t, 1, false, time.Hour), 401},
		{"expired", "GET", "/orders", l.sign(t, 0, false, -time.Hour), 401},
		{"unsigned", "GET", "/orders", unsigned(t), 401},
		{"forged", "GET", "/orders", usual[:len(usual)-9] + "AAAAAAAAA", 401},
		{"none", "GET", "/orders", "", 401},
	} {
		if got := ask(t, c.method, url+c.path, c.token); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

func ask(t *testing.T, method, url, token string) int {
	t.Helper()
	return request(t, method, url, token).StatusCode
}

// request returns the answer of an API, without its body.
func request(t *testing.T, method, url, token string) *http.Response {
	t.Helper()
	r, err := http.NewRequest(method, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", fmt.Sprint("Bearer ", token))
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	return response
}
