package main

import (
	"bytes"
	"context"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

// run reads the environment that it is given, not that of the process.
func TestRunReadsTheGivenEnvironment(t *testing.T) {
	t.Setenv("REFRESH_SECRET", "weak")
	t.Setenv("REFRESH_ISSUER", "the process's issuer")
	environ := []string{"REFRESH_SECRET=" + testSecret}
	var stdout, stderr bytes.Buffer
	args := []string{"token", "issue", "--identity=me"}
	if got := run(t.Context(), args, environ, strings.NewReader(""), &stdout, &stderr); got != 0 {
		t.Fatalf("run() = %d: %s", got, &stderr)
	}
	args = []string{"token", "inspect"}
	_, claims := parts(stdout.String())
	if strings.Contains(string(claims), "issuer") {
		t.Errorf("the process's environment was read: %s", claims)
	}
	if got := run(t.Context(), args, environ, &stdout, io.Discard, &stderr); got != 0 {
		t.Fatalf("run() = %d: %s", got, &stderr)
	}
}

// The program serves in the process of a test, until its context ends.
func TestRunServes(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	args := []string{"--listen=127.0.0.1:0", "--ops-listen=", "--store=sqlite::memory:"}
	var log server.Log
	status := make(chan int)
	go func() { status <- run(ctx, args, nil, strings.NewReader(""), io.Discard, &log) }()
	public := ""
	wait(t, "the server to listen", func() bool {
		public, _ = log.Addresses()
		return public != ""
	})
	if _, err := get("http://" + public + "/openapi.yaml"); err != nil {
		t.Error(err)
	}
	cancel()
	if got := <-status; got != 0 {
		t.Errorf("run() = %d: %s", got, log.String())
	}
}

// A command that waits for standard input can be interrupted.
func TestRunIsInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	stdin, typed := io.Pipe()
	defer typed.Close()
	cancel()
	var stderr bytes.Buffer
	got := run(ctx, []string{"token", "inspect"}, nil, stdin, io.Discard, &stderr)
	const want = "refreshd: read the token from standard input: interrupted\n"
	if got != 1 || stderr.String() != want {
		t.Errorf("run() = %d: %q, want 1: %q", got, &stderr, want)
	}
}

// Kubernetes' service links are let through, so no setting may have the name of one.
func TestNoSettingIsAServiceLink(t *testing.T) {
	for _, s := range service.AllSettings() {
		if serviceLink.MatchString(s.Variable) {
			t.Errorf("%s looks like a service link", s.Variable)
		}
	}
}

func TestParseTTL(t *testing.T) {
	const day = 24 * time.Hour
	for in, want := range map[string]time.Duration{
		"30d":     30 * day,
		"1d12h":   36 * time.Hour,
		"90m":     90 * time.Minute,
		"1s":      time.Second,
		"-2d":     -2 * day,
		"-1m":     -time.Minute,
		"106751d": 106751 * day,
	} {
		if got, err := parseTTL(in); err != nil || got != want {
			t.Errorf("parseTTL(%q) = %v, %v; want %v", in, got, err, want)
		}
	}
	for _, in := range []string{
		"", "d", "-", "--1d", "1", "1d1", "1.5d", "+1d", "1d-1h", "-1d-1h", "1h1d", " 1d",
		"106752d",
		"106751d24h", "99999999999d", "999ms", "0d",
	} {
		if got, err := parseTTL(in); err == nil {
			t.Errorf("parseTTL(%q) = %v, want an error", in, got)
		}
	}
}

func TestRelative(t *testing.T) {
	const day = 24 * time.Hour
	for d, want := range map[time.Duration]string{
		0:                                  "now",
		400 * time.Millisecond:             "now",
		time.Second:                        "in 1 second",
		-2 * time.Second:                   "2 seconds ago",
		90 * time.Second:                   "in 1 minute 30 seconds",
		-time.Hour:                         "1 hour ago",
		30*day + 5*time.Hour:               "in 30 days 5 hours",
		-(day + time.Minute):               "1 day ago",
		30*day + 5*time.Hour + time.Minute: "in 30 days 5 hours",
	} {
		if got := relative(d); got != want {
			t.Errorf("relative(%v) = %q, want %q", d, got, want)
		}
	}
}

// Characters that control a terminal are escaped.
func TestShowIsSafeForTerminals(t *testing.T) {
	got := show([]byte("{\"a\":\"\u009b31m\u202e\u007f\"}"))
	if want := "  {\n    \"a\": \"\\u009b31m\\u202e\\u007f\"\n  }"; got != want {
		t.Errorf("show() = %q, want %q", got, want)
	}
}

func TestCurlLineSurvivesAShell(t *testing.T) {
	line, err := curlLine("http://[::1]:8080", "it's $HOME `a` \\ \"b\"")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"curl", "-i", "http://[::1]:8080/api/v1/refresh", "-H", "Content-Type: application/json",
		"-d", `{"refresh_token":"it's $HOME ` + "`a`" + ` \\ \"b\"","limit":10}`,
	}
	words, err := shellWords(line)
	if err != nil || strings.Join(words, "\n") != strings.Join(want, "\n") {
		t.Errorf("words %q, %v; want %q", words, err, want)
	}
	script := strings.Replace(line, "curl", `printf '%s\n'`, 1)
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	if err != nil || strings.TrimSuffix(string(out), "\n") != strings.Join(want[1:], "\n") {
		t.Errorf("a shell makes %q of it (%v), want %q", out, err, want[1:])
	}
}
