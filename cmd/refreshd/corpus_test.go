package main

import (
	"context"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestCorpusOfSettings starts the server with the settings of testdata/corpus/settings.txt. With
// UPDATE_SCRIPTS=1 it writes the answers into the file.
func TestCorpusOfSettings(t *testing.T) {
	const path = "testdata/corpus/settings.txt"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cases := strings.Split(strings.TrimSpace(string(data)), "\n\n")
	for i, c := range cases[1:] {
		lines := strings.Split(c, "\n")
		var args, environ []string
		given := lines[1:]
		for len(given) > 0 && strings.ContainsAny(given[0][:1], "`\"") {
			text, err := strconv.Unquote(given[0])
			if err != nil {
				t.Fatalf("%s: %s is no Go string: %v", lines[0], given[0], err)
			}
			text = strings.ReplaceAll(text, "$SECRET", testSecret)
			if strings.HasPrefix(text, "--") {
				args = append(args, text)
			} else {
				environ = append(environ, text)
			}
			given = given[1:]
		}
		want := strings.Join(given, "\n")
		got := started(t, args, environ)
		if got != want {
			t.Errorf("%s\ngot  %s\nwant %s", lines[0], got, want)
		}
		asked := lines[:len(lines)-len(given)]
		cases[i+1] = strings.Join(append(asked, got), "\n")
	}
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		if err := os.WriteFile(path, []byte(strings.Join(cases, "\n\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// warning matches a warning in the log.
var warning = regexp.MustCompile(`level=WARN msg=("(?:[^"\\]|\\.)*"|\S+)`)

// started starts the server until it listens or fails. It returns "starts" and the warnings, or the
// error.
func started(t *testing.T, args, environ []string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	common := []string{"--listen=127.0.0.1:0", "--ops-listen="}
	store := func(text string) bool { return strings.HasPrefix(text, "REFRESH_STORE=") }
	if !slices.ContainsFunc(environ, store) {
		common = append(common, "--store=sqlite::memory:")
	}
	var log server.Log
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, append(common, args...), environ, strings.NewReader(""), io.Discard,
			&log)
	}()
	over := false
	wait(t, "the server to listen or to fail", func() bool {
		public, _ := log.Addresses()
		over = over || len(status) > 0
		return over || public != ""
	})
	if !over {
		cancel()
	}
	if code := <-status; code != 0 {
		failure := strings.TrimPrefix(strings.TrimSpace(log.String()), "refreshd: ")
		return "exit " + strconv.Itoa(code) + ": " + failure
	}
	answer := "starts"
	for _, found := range warning.FindAllStringSubmatch(log.String(), -1) {
		answer += "\nwarns: " + strings.Trim(found[1], `"`)
	}
	return answer
}
