package identity

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// TestCredential: the bearer token is sent, and read anew when its file changes. A redirect gets
// neither it nor the question.
func TestCredential(t *testing.T) {
	t.Parallel()
	var sent atomic.Value
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("the redirect was followed")
	}))
	defer elsewhere.Close()
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Store(r.Header.Get("Authorization"))
		question, _ := io.ReadAll(r.Body) // a part would not name the identity
		if strings.Contains(string(question), `"identity":"eve"`) {
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		_, _ = io.WriteString(w, `{"claims":{}}`)
	}))
	defer users.Close()
	file := filepath.Join(t.TempDir(), "credential")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file+".new", []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	write("first-credential\n")
	d := deployment{start(t, users.URL, "--identity-credential-file="+file), nil}
	last := func() string {
		t.Helper()
		d.refresh(t, login(t, "ana", nil)).wants(t, http.StatusOK)
		return sent.Load().(string)
	}
	if got := last(); got != "Bearer first-credential" {
		t.Errorf("sent %q", got)
	}
	d.refresh(t, login(t, "eve", nil)).wants(t, http.StatusServiceUnavailable)
	write("second-credential")
	d.Await(t, "the new credential", func() bool { return last() == "Bearer second-credential" })
	write("not a credential")
	d.Await(t, "the error", func() bool {
		last()
		return d.Log.Contains("A file cannot be used")
	})
	if got := last(); got != "Bearer second-credential" {
		t.Errorf("sent %q after the file was broken", got)
	}
	if d.Log.Contains("first-credential") || d.Log.Contains("second-credential") ||
		d.Log.Contains("not a credential") {
		t.Error("the log has the credential")
	}
}
