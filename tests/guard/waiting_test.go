//go:build linux

package guard

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// TestWaiting: requests that wait for the feed are limited to 1024 and are not in flight. When the
// server stops, each is answered 200 at once.
func TestWaiting(t *testing.T) {
	t.Parallel()
	const most = 1024
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("api:"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	node := shared.Start(t, "--api-credentials="+file)
	url := node.URL + "/api/v1/revocations?wait=30"
	statuses := make(chan int, most)
	began := time.Now()
	for range most {
		go func() {
			for { // the first ones may find the server not ready
				status, _ := get(t, url)
				if status != http.StatusServiceUnavailable {
					statuses <- status
					return
				}
			}
		}()
	}
	node.Await(t, "a 503 to one request more", func() bool {
		status, body := get(t, node.URL+"/api/v1/revocations?wait=1")
		return status == http.StatusServiceUnavailable &&
			strings.Contains(body, "too many requests wait")
	})
	_, metrics := get(t, node.Operations+"/metrics")
	if !strings.Contains(metrics, "\nrefreshd_http_requests_in_flight 0\n") {
		t.Errorf("requests that wait count as in flight")
	}
	if len(statuses) > 0 {
		t.Fatalf("%d of %d requests wait no more after %v", len(statuses), most, time.Since(began))
	}
	node.Send(syscall.SIGTERM)
	for range most {
		if status := <-statuses; status != http.StatusOK {
			t.Fatalf("a request that waits is answered %d when the server stops", status)
		}
	}
	<-node.Done
	if !node.State.Success() {
		t.Errorf("the server ends with %v", node.State)
	}
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	r.SetBasicAuth("api", secret)
	response, err := (&http.Client{Timeout: server.Patience}).Do(r)
	if err != nil {
		return 0, err.Error()
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body) // a part tells enough
	return response.StatusCode, string(text)
}
