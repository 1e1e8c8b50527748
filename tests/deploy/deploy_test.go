//go:build linux

// Package deploy tests the files in deploy/ as far as that is possible without a container engine.
package deploy

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

const root = "../.."

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// program returns the path of a tool. Without it the test fails, because .ci/install installs it.
func program(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: run make install", err)
	}
	return path
}

// unit writes the systemd unit with the program that the tests built.
func unit(t *testing.T) string {
	t.Helper()
	const installed = "/usr/local/bin/refreshd"
	text := read(t, "deploy/systemd/refreshd.service")
	if !strings.Contains(text, "ExecStart="+installed+"\n") {
		t.Fatal("the unit starts another program")
	}
	path := filepath.Join(t.TempDir(), "refreshd.service")
	text = strings.ReplaceAll(text, "ExecStart="+installed, "ExecStart="+shared.Program(t))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestUnit: systemd accepts every line of the unit. A misspelt setting would be ignored in silence.
func TestUnit(t *testing.T) {
	out, err := exec.Command(program(t, "systemd-analyze"), "verify", "--man=no",
		unit(t)).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
}

var exposure = regexp.MustCompile(`(?m)^→ Overall exposure level for \S+: (\d+)\.(\d)`)

// TestUnitSecurity: systemd rates the exposure of the unit as low (0 is the best, 10 the worst).
func TestUnitSecurity(t *testing.T) {
	const most = 15 // tenths
	out, err := exec.Command(program(t, "systemd-analyze"), "security", "--offline=yes",
		"--no-pager", unit(t)).CombinedOutput()
	rated := exposure.FindSubmatch(out)
	if err != nil || rated == nil {
		t.Fatalf("systemd-analyze security: %v\n%s", err, out)
	}
	level, err := strconv.Atoi(string(rated[1]) + string(rated[2]))
	if err != nil || level > most {
		t.Errorf("exposure %s.%s, want at most 1.5\n%s", rated[1], rated[2], out)
	}
}

// TestDockerfile: the image is built from files that exist, with the Go version of go.mod, and its
// health check asks the address at which its server listens.
func TestDockerfile(t *testing.T) {
	text := read(t, "Dockerfile")
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))
	if want := "FROM golang:" + goVersion[1] + "-"; !strings.Contains(text, want) {
		t.Errorf("the Dockerfile does not build with %s", want)
	}
	environment := regexp.MustCompile(`(?m)^ENV (.*)$`).FindStringSubmatch(text)
	check := regexp.MustCompile(
		`(?m)^HEALTHCHECK .* CMD \["/refreshd", "(\w+)"\]$`).FindStringSubmatch(text)
	if environment == nil || check == nil {
		t.Fatal("the Dockerfile has no ENV or no HEALTHCHECK")
	}
	// The same addresses, but on ports that are free here.
	free := func() string {
		address, err := server.FreeAddress()
		if err != nil {
			t.Fatal(err)
		}
		return address[strings.LastIndex(address, ":"):]
	}
	public, operations := free(), free()
	ports := strings.NewReplacer(":8080", public, ":9090", operations)
	variables := strings.Fields(ports.Replace(environment[1]))
	run := func(args ...string) *exec.Cmd {
		cmd := exec.Command(shared.Program(t), args...)
		cmd.Dir = t.TempDir()
		cmd.Env = append(variables, "REFRESH_SECRET="+server.Secret)
		return cmd
	}
	if out, err := run(check[1]).CombinedOutput(); err == nil {
		t.Errorf("without a server the health check succeeds: %s", out)
	}
	server.Run(t, run()).AwaitPort(t, "127.0.0.1"+public)
	if out, err := run(check[1]).CombinedOutput(); err != nil {
		t.Errorf("health check: %v\n%s", err, out)
	}
}

// TestKnownSettings: a misspelt variable would stop the servers at the start.
func TestKnownSettings(t *testing.T) {
	known := read(t, "docs/settings.md")
	for _, path := range []string{
		"deploy/compose.yaml",
		"deploy/kubernetes/refreshd.yaml",
		"deploy/systemd/refreshd.service",
		"Dockerfile",
	} {
		for _, name := range regexp.MustCompile(
			`\bREFRESH_[A-Z_]+`).FindAllString(read(t, path), -1) {
			if !strings.Contains(known, name+"`") {
				t.Errorf("%s uses %s, which is no setting", path, name)
			}
		}
	}
}
