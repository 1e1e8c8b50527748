// Package clients generates callers' clients from openapi.yaml, compiles them, and lets them call
// the real server.
package clients

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// workshop is a folder in which a client is generated and compiled.
type workshop struct {
	t      *testing.T
	folder string
	tests  string // the folder tests of the repository
}

func newWorkshop(t *testing.T, files ...string) workshop {
	t.Helper()
	tests, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	w := workshop{t, t.TempDir(), tests}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		w.write(filepath.Base(file), data)
	}
	return w
}

func (w workshop) write(name string, data []byte) {
	w.t.Helper()
	if err := os.WriteFile(filepath.Join(w.folder, name), data, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// run runs a program in the workshop and returns its output.
func (w workshop) run(program string, args ...string) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = w.folder
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", program, err, out)
	}
	return string(out)
}

// tool returns the path of a program that npm installed. If it is missing, the test fails.
func (w workshop) tool(name string) string {
	w.t.Helper()
	for _, folder := range []string{"clients/node_modules/.bin", "node_modules/.bin"} {
		path := filepath.Join(w.tests, folder, name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	w.t.Fatalf("%s is missing: run make install", name)
	return ""
}

// node runs a JavaScript tool. The tool and Node are those that npm installed.
func (w workshop) node(name string, args ...string) {
	w.t.Helper()
	w.run(w.tool("node"), append([]string{w.tool(name)}, args...)...)
}

const contractFile = "../../openapi.yaml"

// calls runs a caller with the server, a good token and an expired one, and checks its output: with
// the answers of today, and with answers that have a field that the contract does not name, because
// a later version may add fields.
func calls(t *testing.T, run func(args ...string) string) {
	t.Helper()
	now := time.Now()
	good, expired := refreshToken(t, now.Unix()+3600), refreshToken(t, now.Unix()-3600)
	service := shared.Start(t).URL
	for _, url := range []string{service, withNewField(t, service)} {
		if out := run(url, good, expired); strings.TrimSpace(out) != "200 421 400" {
			t.Errorf("the caller printed %q", out)
		}
	}
}

// TestNoDefaults: many generated clients send a default of the contract as if the caller had given
// it, so the contract has none. The descriptions name the defaults.
func TestNoDefaults(t *testing.T) {
	t.Parallel()
	contract, err := os.ReadFile(contractFile)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(contract), " default:") {
		t.Error("openapi.yaml has the keyword default")
	}
}

// withNewField returns the URL of a proxy that adds a field to each JSON answer of the service.
func withNewField(t *testing.T, service string) string {
	t.Helper()
	target, err := url.Parse(service)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return err
		}
		if rest, found := bytes.CutPrefix(body, []byte("{")); found {
			body = append([]byte(`{"new_field":{"a":[1]},`), rest...)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		r.ContentLength = int64(len(body))
		r.Header.Set("Content-Length", strconv.Itoa(len(body)))
		return nil
	}
	front := httptest.NewServer(proxy)
	t.Cleanup(front.Close)
	return front.URL
}

func refreshToken(t *testing.T, exp int64) string {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	const format = `{"exp":%d,"iat":%d,"identity":"caller@example.com","jti":"%d","type":1}`
	claims := fmt.Sprintf(format, exp, exp-7200, exp)
	raw, err := token.NewMinter(keys, token.Rules{}).Issue([]byte(claims), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGo(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/go/main.go", "../../go.mod", "../../go.sum")
	w.run("go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "main",
		"-o", "client.gen.go", "openapi.yaml")
	w.run("go", "build", "-mod=mod", "-o", "caller", ".")
	calls(t, func(args ...string) string { return w.run("./caller", args...) })
}

func TestOpenAPIFetch(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/check.ts", "testdata/tsconfig.json",
		"testdata/openapi-fetch/main.ts")
	w.node("openapi-typescript", "openapi.yaml", "-o", "schema.d.ts")
	w.compileAndCall()
}

func TestHeyAPI(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/check.ts", "testdata/tsconfig.json",
		"testdata/hey-api/main.ts")
	w.node("openapi-ts", "-i", "openapi.yaml", "-o", "client")
	w.compileAndCall()
}

// compileAndCall type-checks main.ts strictly, bundles it as a front end does, and runs it.
func (w workshop) compileAndCall() {
	w.t.Helper()
	modules := filepath.Join(w.tests, "node_modules")
	if err := os.Symlink(modules, filepath.Join(w.folder, "node_modules")); err != nil {
		w.t.Fatal(err)
	}
	w.node("tsc", "-p", "tsconfig.json")
	w.node("esbuild", "main.ts", "--bundle", "--format=esm", "--outfile=main.mjs",
		"--log-level=warning")
	calls(w.t, func(args ...string) string {
		return w.run(w.tool("node"), append([]string{"main.mjs"}, args...)...)
	})
}
