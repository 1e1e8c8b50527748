package operate

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// A program that was built without any flag knows the commit and its date.
func TestVersionOfABuild(t *testing.T) {
	if info, err := os.Stat(filepath.Join(root, ".git")); os.Getenv("CI") == "" &&
		(err != nil || !info.IsDir()) {
		t.Skip("Go reads the commit in clones only, not in worktrees and archives")
	}
	t.Setenv("GOFLAGS", "-buildvcs=auto") // the default, which this machine may have changed
	program, err := server.Build(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text, err := exec.Command(program, "version").CombinedOutput()
	want := regexp.MustCompile(`^refreshd \S+ \(commit [0-9a-f]{12} of 20[0-9-]{8}T[0-9:]{8}Z` +
		`(, with local changes)?\) go\S+ \w+/\w+\n$`)
	if err != nil || !want.Match(text) {
		t.Errorf("%s%v", text, err)
	}
}

// The trace of a request goes on to the fetch of the issuer's keys that the request causes.
func TestTraceReachesTheIssuer(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	const span = "00f067aa0ba902b7"
	var seen atomic.Value
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent := r.Header.Get("traceparent"); sent != "" {
			seen.Store(sent)
		}
		_, _ = io.WriteString(w, `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"login","alg":"EdDSA",`+
			`"x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`)
	}))
	defer issuer.Close()
	r := shared.Start(t, "--issuer=login", "--issuer-jwks="+issuer.URL)
	r.Await(t, "refreshd to be ready", func() bool { return get(t, r.Operations+"/readyz") != "" })
	raw := seal(`{"alg":"EdDSA","kid":"unknown"}`, []byte(`{"iss":"login"}`), nil) + "AAAA"
	r.Await(t, "the fetch for the request", func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			r.URL+"/api/v1/refresh", strings.NewReader(`{"refresh_token":"`+raw+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("traceparent", "00-"+trace+"-"+span+"-01")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		return seen.Load() != nil // fetches for unknown keys are bounded: it may be a later request's
	})
	if sent, _ := seen.Load().(string); !strings.HasPrefix(sent, "00-"+trace+"-") ||
		strings.Contains(sent, span) {
		t.Errorf("traceparent is %q", sent)
	}
}

// A server that may open only few files answers at the operations listener while clients hold all
// connections of the API, and answers at the API when they leave.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	cmd := exec.Command("/bin/sh", "-c", `ulimit -n 200 && exec "$0"`, shared.Program(t))
	cmd.Dir = t.TempDir()
	cmd.Env = []string{
		"REFRESH_LISTEN=127.0.0.1:0",
		"REFRESH_OPS_LISTEN=127.0.0.1:0",
		"REFRESH_STORE=sqlite:refresh.db",
		"REFRESH_SECRET=" + server.Secret,
	}
	r := server.Run(t, cmd)
	var public, operations string
	r.Await(t, "refreshd to listen", func() bool {
		public, operations = r.Log.Addresses()
		return public != ""
	})
	var idle []net.Conn
	for range 600 {
		conn, err := net.Dial("tcp", public)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
	}
	client := &http.Client{Timeout: 200 * time.Millisecond}
	r.Await(t, "the API to be full", func() bool {
		answer, err := client.Get("http://" + public + "/.well-known/jwks.json")
		if err == nil {
			answer.Body.Close()
		}
		return err != nil
	})
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		if get(t, "http://"+operations+path) == "" {
			t.Errorf("%s does not answer", path)
		}
	}
	for _, conn := range idle {
		conn.Close()
	}
	r.Await(t, "the API to answer again", func() bool {
		return get(t, "http://"+public+"/.well-known/jwks.json") != ""
	})
	if r.Log.Contains("too many open files") {
		t.Error("the server had no files left")
	}
}
