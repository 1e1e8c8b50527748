// Package recipes runs the programs of docs/recipes with the real server and with the fake.
package recipes

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// program is a recipe that runs in a driver of testdata. The driver reads a command a line and
// answers each with a line.
type program struct {
	t       *testing.T
	in      io.Writer
	answers *bufio.Scanner
}

// start starts a driver. It gets the address of refreshd and a URL of an API as last arguments.
func start(t *testing.T, service, api string, command ...string) program {
	t.Helper()
	cmd := exec.Command(command[0], append(command[1:], service, api)...)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	server.Run(t, cmd)
	return program{t, in, bufio.NewScanner(out)}
}

// do sends a command and reads the answer into v, unless v is nil.
func (p program) do(command map[string]any, v any) {
	p.t.Helper()
	line, err := json.Marshal(command)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.in.Write(append(line, '\n')); err != nil {
		p.t.Fatal(err)
	}
	if !p.answers.Scan() {
		p.t.Fatalf("%s: the program has ended", line)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(p.answers.Bytes(), v); err != nil {
		p.t.Fatalf("%s: %v", p.answers.Text(), err)
	}
}

func (p program) login(tokens server.Tokens) {
	p.t.Helper()
	p.do(map[string]any{"do": "login", "tokens": tokens}, nil)
}

// call calls the API n times at once and returns the results with their numbers: statuses, or
// "login" if the user must log in, or "later" if the program gave up.
func (p program) call(n int) map[string]int {
	p.t.Helper()
	results := map[string]int{}
	p.do(map[string]any{"do": "call", "times": n}, &results)
	return results
}

// want calls the API n times at once. All calls must have the result.
func (p program) want(n int, result string) {
	p.t.Helper()
	if got := p.call(n); !maps.Equal(got, map[string]int{result: n}) {
		p.t.Errorf("%d calls: %v, want %s", n, got, result)
	}
}

// stored returns the refresh token in the program's storage; "" if there is none.
func (p program) stored() string {
	p.t.Helper()
	var tokens struct {
		RefreshToken string `json:"refresh_token"`
	}
	p.do(map[string]any{"do": "stored"}, &tokens)
	return tokens.RefreshToken
}

// needs leaves a recipe out if a tool is missing: a path of a file, or the name of a program. With
// CI=true that is a failure.
func needs(t *testing.T, tools ...string) {
	t.Helper()
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err == nil {
			continue
		}
		if info, err := os.Stat(tool); err == nil && info.IsDir() {
			continue
		}
		report := t.Skipf
		if os.Getenv("CI") == "true" {
			report = t.Fatalf
		}
		report("this recipe is left out, because %s is missing: run make install", tool)
	}
}

// python returns a command with the interpreter and the libraries that make install has brought.
func python(t *testing.T) []string {
	t.Helper()
	const interpreter = "../logins/venv/bin/python"
	needs(t, interpreter)
	return []string{interpreter, "-B", "testdata/driver.py"}
}

// tool returns the path of a program that npm installed, else the machine's.
func tool(pattern, name string) string {
	if pinned, _ := filepath.Glob("../node_modules/" + pattern); len(pinned) > 0 {
		return pinned[0]
	}
	return name
}

// node returns a command that runs a recipe in JavaScript, which needs more tools. The driver is
// bundled with it, because the packages are those of tests/node_modules.
func node(recipe string, more ...string) func(*testing.T) []string {
	return func(t *testing.T) []string {
		t.Helper()
		program, esbuild := tool("node-linux-*/bin/node", "node"), tool(".bin/esbuild", "esbuild")
		needs(t, append(more, program, esbuild, "../node_modules")...)
		folder := t.TempDir()
		modules, err := filepath.Abs("../node_modules")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(modules, filepath.Join(folder, "node_modules")); err != nil {
			t.Fatal(err)
		}
		bundle := filepath.Join(folder, "driver.mjs")
		cmd := exec.CommandContext(t.Context(), esbuild,
			"testdata/driver.mjs", "--bundle", "--platform=node", "--format=esm",
			"--packages=external", "--log-level=warning", "--outfile="+bundle)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return []string{program, bundle, recipe}
	}
}
