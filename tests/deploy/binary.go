package deploy

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Build compiles the real program and returns its path.
func Build(tb testing.TB) string {
	tb.Helper()
	binary, err := build(tb.Context(), tb.TempDir())
	if err != nil {
		tb.Fatal(err)
	}
	return binary
}

func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "refreshd")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, "kalsel.dev/refresh/cmd/refreshd")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build refreshd: %w\n%s", err, out)
	}
	return binary, nil
}

// Program is the real program, built once for all tests of a package. The zero value is ready; TestMain removes it.
type Program struct {
	once sync.Once
	dir  string
	path string
	err  error
}

// Path compiles the program when it is first asked for.
func (p *Program) Path(tb testing.TB) string {
	tb.Helper()
	p.once.Do(func() {
		if p.dir, p.err = os.MkdirTemp("", "refreshd-"); p.err == nil { //nolint:usetesting // it outlives the first test
			p.path, p.err = build(context.WithoutCancel(tb.Context()), p.dir)
		}
	})
	if p.err != nil {
		tb.Fatal(p.err)
	}
	return p.path
}

// Remove deletes the program.
func (p *Program) Remove() error { return os.RemoveAll(p.dir) }

// Rounds is how often to try: few times every day, and many in a soak (REFRESH_SOAK=1).
func Rounds(everyDay, soak int) int {
	if os.Getenv("REFRESH_SOAK") != "" {
		return soak
	}
	return everyDay
}

// Start runs the real program with Secret and these arguments on a free port of loopback. Its store ends with it unless they name
// another. When the test ends the program has to end by itself after SIGTERM, with status 0.
func Start(tb testing.TB, binary string, args ...string) *url.URL {
	tb.Helper()
	secretFile := filepath.Join(tb.TempDir(), "secret")
	if err := os.WriteFile(secretFile, []byte(Secret), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), binary, append(append([]string{"--store=sqlite::memory:"}, args...),
		"--secret-file="+secretFile, "--listen=127.0.0.1:0", "--ops-listen=127.0.0.1:0", "--log-format=json")...)
	cmd.Env = withoutSettings(os.Environ())
	stderr, err := cmd.StderrPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	address := make(chan string, 1)
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		readAddress(tb, stderr, address)
	}()
	tb.Cleanup(func() { stop(tb, cmd, drained) })
	select {
	case found, ok := <-address:
		if !ok {
			tb.Fatal("refreshd ended before it listened; its last words are logged above")
		}
		return &url.URL{Scheme: "http", Host: found}
	case <-time.After(time.Minute):
		tb.Fatal("refreshd does not listen after a minute")
	}
	return nil
}

// readAddress reads the log to its end and sends the address of its line "listening"; it closes the channel if there is none.
// Lines that are not log lines are shown.
func readAddress(tb testing.TB, log io.Reader, address chan<- string) {
	defer close(address)
	found := false
	for lines := bufio.NewScanner(log); lines.Scan(); {
		var line struct{ Msg, Address string }
		switch err := json.Unmarshal(lines.Bytes(), &line); {
		case err != nil:
			tb.Logf("refreshd: %s", lines.Text())
		case !found && line.Msg == "listening":
			found = true
			address <- line.Address
		}
	}
}

func stop(tb testing.TB, cmd *exec.Cmd, drained <-chan struct{}) {
	tb.Helper()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		tb.Logf("stop refreshd: %v", err)
	}
	kill := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer kill.Stop()
	<-drained
	if err := cmd.Wait(); err != nil {
		tb.Errorf("refreshd did not end well after SIGTERM: %v", err)
	}
}

// withoutSettings drops the settings of whoever runs the tests.
func withoutSettings(environment []string) []string {
	return slices.DeleteFunc(environment, func(s string) bool { return strings.HasPrefix(s, "REFRESH_") })
}
