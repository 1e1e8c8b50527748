package operate

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// After hours of work a server holds no more goroutines, files and memory than after minutes. The
// load is honest clients, clients that hang up, and clients that never finish. With REFRESH_SOAK=1
// it lasts ten minutes.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	r := shared.Start(t, "--store=sqlite:"+filepath.Join(t.TempDir(), "refresh.db"), "--rotation",
		"--rotation-window=1s", "--clock-skew=1s", "--read-timeout=5s", "--rate-limit=1000000",
		"--rate-burst=1000000")
	rounds := server.Rounds(3, 60)
	length := 200 * time.Millisecond
	if os.Getenv("REFRESH_SOAK") != "" {
		length = 10 * time.Second
	}
	var first, last holding
	for round := range rounds {
		load(t, r, length)
		http.DefaultClient.CloseIdleConnections()
		last = settled(t, r)
		if round == rounds/3 { // caches and pools have their size by then
			first = last
		}
	}
	t.Logf("after a third: %v; at the end: %v", first, last)
	// Some connections may still be open. A leak grows with each of hundreds of requests.
	const open = 30
	if last.goroutines > first.goroutines+open || last.files > first.files+open {
		t.Errorf("after a third: %v; at the end: %v", first, last)
	}
	if last.memory > first.memory*1.2+16<<20 {
		t.Errorf("memory grew from %.0f to %.0f MiB", first.memory/(1<<20), last.memory/(1<<20))
	}
}

// holding is the resources that a server holds.
type holding struct{ goroutines, files, memory float64 }

// settled waits until the connections of the load are closed, and returns the server's resources.
func settled(t *testing.T, r *server.Refreshd) holding {
	t.Helper()
	var before, now holding
	r.Await(t, "the server to be idle", func() bool {
		page := get(t, r.Operations+"/metrics")
		value := func(name string) float64 {
			_, rest, _ := strings.Cut(page, "\n"+name+" ")
			digits, _, _ := strings.Cut(rest, "\n")
			number, err := strconv.ParseFloat(digits, 64)
			if err != nil {
				t.Fatalf("%s is %q", name, digits)
			}
			return number
		}
		before, now = now, holding{
			goroutines: value("go_goroutines"),
			files:      value("process_open_fds"),
			memory:     value("process_resident_memory_bytes"),
		}
		time.Sleep(50 * time.Millisecond)
		return now.goroutines == before.goroutines && now.files == before.files && now.goroutines < 60
	})
	return now
}

// load sends requests of all kinds for a while.
func load(t *testing.T, r *server.Refreshd, length time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	var clients sync.WaitGroup
	for client := range 8 {
		clients.Go(func() { honest(ctx, t, r.URL, client) })
		clients.Go(func() {
			for ctx.Err() == nil {
				slow(ctx, strings.TrimPrefix(r.URL, "http://"), client)
			}
		})
	}
	clients.Wait()
}

// honest begins a session and rotates it, over and over. It logs out seldom, because the server keeps
// each revocation in memory.
func honest(ctx context.Context, t *testing.T, url string, client int) {
	for n := 0; ctx.Err() == nil; n++ {
		payload := fmt.Appendf(nil, `{"identity":"client %d","type":1,"jti":"%d-%d","exp":%d}`,
			client, time.Now().UnixNano(), n, time.Now().Add(time.Hour).Unix())
		raw := seal(`{"alg":"HS256"}`, payload, []byte(server.Secret))
		paths := []string{"/api/v1/refresh", "/api/v1/refresh"}
		if n%20 == 0 {
			paths = append(paths, "/api/v1/revoke")
		}
		for _, path := range paths {
			body := strings.NewReader(`{"refresh_token":"` + raw + `"}`)
			answer, err := http.Post(url+path, "application/json", body)
			if err != nil {
				t.Error(err)
				return
			}
			_, _ = io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			if answer.StatusCode >= http.StatusBadRequest {
				t.Errorf("%s: %d", path, answer.StatusCode)
			}
		}
	}
}

// slow is a client that hangs up or does not finish.
func slow(ctx context.Context, address string, kind int) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return
	}
	defer conn.Close()
	const post = "POST /api/v1/refresh HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for _, part := range [][]string{
		{post, "X: y"},
		{post + "Content-Length: 100\r\n\r\n", `{"refresh_token`},
		{"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		{post + "Content-Length: 5000000\r\n\r\n", strings.Repeat("x", 100)},
	}[kind%4] {
		if _, err := io.WriteString(conn, part); err != nil {
			return
		}
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}
