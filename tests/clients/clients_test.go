// Package clients generates callers' clients from openapi.yaml, compiles them, and lets them call the real server.
package clients

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// workshop is a folder in which a client is made.
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

// run runs a program in the workshop and returns what it prints.
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

// tool is a program that npm installed. Whoever lacks it has to install it: nothing is skipped.
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

// node runs a tool that npm installed on the node that npm installed.
func (w workshop) node(name string, args ...string) {
	w.t.Helper()
	w.run(w.tool("node"), append([]string{w.tool(name)}, args...)...)
}

const contractFile = "../../openapi.yaml"

// calls checks what a caller printed who was given the server, a good token and an expired one.
func calls(t *testing.T, run func(args ...string) string) {
	t.Helper()
	now := time.Now()
	out := run(shared.Start(t).URL, refreshToken(t, now.Unix()+3600), refreshToken(t, now.Unix()-3600))
	if strings.TrimSpace(out) != "200 421 400" {
		t.Errorf("the caller printed %q", out)
	}
}

func refreshToken(t *testing.T, exp int64) string {
	t.Helper()
	keys, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	claims := fmt.Sprintf(`{"exp":%d,"iat":%d,"identity":"caller@example.com","jti":"%d","type":1}`, exp, exp-7200, exp)
	raw, err := token.NewMinter(keys, token.Rules{}).Issue([]byte(claims), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestGo(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/go/main.go", "../../go.mod", "../../go.sum")
	w.run("go", "tool", "oapi-codegen", "-generate", "types,client", "-package", "main", "-o", "client.gen.go", "openapi.yaml")
	w.run("go", "build", "-mod=mod", "-o", "caller", ".")
	calls(t, func(args ...string) string { return w.run("./caller", args...) })
}

func TestOpenAPIFetch(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/check.ts", "testdata/tsconfig.json", "testdata/openapi-fetch/main.ts")
	w.node("openapi-typescript", "openapi.yaml", "--default-non-nullable", "false", "-o", "schema.d.ts")
	w.compileAndCall()
}

func TestHeyAPI(t *testing.T) {
	t.Parallel()
	w := newWorkshop(t, contractFile, "testdata/check.ts", "testdata/tsconfig.json", "testdata/hey-api/main.ts")
	w.node("openapi-ts", "-i", "openapi.yaml", "-o", "client")
	w.compileAndCall()
}

// compileAndCall checks main.ts, strictly, bundles it as a front end does, and runs it.
func (w workshop) compileAndCall() {
	w.t.Helper()
	if err := os.Symlink(filepath.Join(w.tests, "node_modules"), filepath.Join(w.folder, "node_modules")); err != nil {
		w.t.Fatal(err)
	}
	w.node("tsc", "-p", "tsconfig.json")
	w.node("esbuild", "main.ts", "--bundle", "--format=esm", "--outfile=main.mjs", "--log-level=warning")
	calls(w.t, func(args ...string) string {
		return w.run(w.tool("node"), append([]string{"main.mjs"}, args...)...)
	})
}
