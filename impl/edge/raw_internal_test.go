package edge

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/lines"
	"kalsel.dev/refresh/impl/problem"
)

// exchangeRaw sends text over a new connection and returns all answers, until the server closes it.
func exchangeRaw(t *testing.T, text string) []*http.Response {
	t.Helper()
	limits := DefaultLimits()
	limits.Idle = time.Second // only a connection that should have been closed waits for it
	conn := say(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		problem.Write(w, problem.New(http.StatusNotFound))
	}, limits), text)
	var answers []*http.Response
	for from := bufio.NewReader(conn); ; {
		answer, err := http.ReadResponse(from, nil)
		if err != nil {
			return answers
		}
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body = io.NopCloser(bytes.NewReader(body))
		answers = append(answers, answer)
	}
}

// TestRequestsThatNetHTTPAnswers is the list in README.md: these answers have no X-Request-Id. All
// other requests reach the edge.
func TestRequestsThatNetHTTPAnswers(t *testing.T) {
	for text, want := range map[string]int{
		"nonsense\r\n\r\n":                                                    400,
		"GET / HTTP/1.1\r\n\r\n":                                              400, // no Host
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n":                                 400,
		"GET / HTTP/1.1\r\nHost: x\r\nna me: x\r\n\r\n":                       400,
		"GET %zz HTTP/1.1\r\nHost: x\r\n\r\n":                                 400,
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n":             400,
		"GET / HTTP/1.1\r\nHost: x\r\nExpect: x\r\n\r\n":                      417,
		"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 32<<10):      431,
		"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n":       501,
		"GET / HTTP/3.0\r\nHost: x\r\n\r\n":                                   505,
		"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":          404,
		"BREW /pot HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":          404,
		"GET http://y/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n":     404,
		"CONNECT x:1 HTTP/1.1\r\nHost: x:1\r\nConnection: close\r\n\r\n":      404,
		"GET /a%00 HTTP/1.0\r\n\r\n":                                          404,
		"GET //%2e%2e/x?%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n": 404,
	} {
		name := fmt.Sprintf("%.50q", text)
		answers := exchangeRaw(t, text)
		if len(answers) != 1 {
			t.Errorf("%s: %d answers", name, len(answers))
			continue
		}
		reached := answers[0].Header.Get("X-Request-Id") != ""
		if got := answers[0].StatusCode; got != want || reached != (want == 404) {
			t.Errorf("%s: answered %d, want %d; it reached the edge: %t", name, got, want, reached)
		}
	}
}

// A chunked request may have hidden a second one in it (RFC 9112 section 6.1), so its connection is
// closed. All other connections stay open.
func TestConnectionOfAChunkedRequestIsClosed(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
	const post, chunked = "POST / HTTP/1.1\r\nHost: x\r\n", "Transfer-Encoding: chunked\r\n"
	for name, c := range map[string]struct {
		text    string
		answers int
	}{
		"chunked":            {post + chunked + "\r\n0\r\n\r\n" + get, 1},
		"chunked and length": {post + chunked + "Content-Length: 5\r\n\r\n0\r\n\r\n" + get, 1},
		"length":             {post + "Content-Length: 1\r\n\r\nx" + get, 2},
	} {
		t.Run(name, func(t *testing.T) {
			answers := exchangeRaw(t, c.text)
			if len(answers) != c.answers || answers[0].Close != (c.answers == 1) {
				t.Errorf("%d answers, want %d", len(answers), c.answers)
			}
		})
	}
}

// While a dependency is unavailable every request fails. Ten lines a second tell that, and the next
// line how many were left out. Lines of other failures are not crowded out.
func TestLinesOfFailuresAreBounded(t *testing.T) {
	var log bytes.Buffer
	status := http.StatusServiceUnavailable
	h, err := New(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(status, "a cause"))
	}), Config{
		Log:      slog.New(slog.NewTextHandler(&log, nil)),
		Registry: prometheus.NewRegistry(),
		Limits:   DefaultLimits(),
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	}
	const requests = 5000
	began := time.Now()
	for range requests {
		send()
	}
	seconds := int(time.Now().Unix()-began.Unix()) + 1
	n := strings.Count(log.String(), "status=503")
	if n > seconds*lines.PerSecond || n < lines.PerSecond {
		t.Errorf("%d lines within %d seconds", n, seconds)
	}
	if !strings.Contains(log.String(), `error="a cause"`) {
		t.Errorf("the cause is missing: %.300s", log.String())
	}
	status = http.StatusInternalServerError
	send()
	if !strings.Contains(log.String(), "status=500") {
		t.Error("the line of another failure is missing")
	}
}

func TestLinesLeftOutAreCounted(t *testing.T) {
	var f failureLines
	now := time.Unix(1000, 0)
	written := 0
	for range 25 {
		if write, _ := f.Next(503, now); write {
			written++
		}
	}
	write, leftOut := f.Next(503, now.Add(time.Second))
	if written != lines.PerSecond || !write || leftOut != 25-lines.PerSecond {
		t.Errorf("%d lines, then %t with %d left out", written, write, leftOut)
	}
	if write, leftOut := f.Next(503, now.Add(time.Second)); !write || leftOut != 0 {
		t.Errorf("the line after that: %t with %d left out", write, leftOut)
	}
}
