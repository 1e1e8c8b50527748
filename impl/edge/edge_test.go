package edge_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/problem"
)

// around returns next behind the edge, with its log written to log.
func around(tb testing.TB, next http.HandlerFunc, log io.Writer) http.Handler {
	tb.Helper()
	h, err := edge.New(next, edge.Config{
		Log:      slog.New(slog.NewJSONHandler(log, nil)),
		Registry: prometheus.NewRegistry(),
		Limits:   edge.DefaultLimits(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

func TestRequestID(t *testing.T) {
	h := around(t, func(http.ResponseWriter, *http.Request) {}, io.Discard)
	for given, kept := range map[string]bool{
		"abc-123": true, "a.B_9": true, "": false, "two words": false, "a\tb": false, "<b>": false,
		strings.Repeat("a", 64): true, strings.Repeat("a", 65): false,
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("X-Request-Id", given)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if got := w.Header().Get("X-Request-Id"); (got == given) != kept || got == "" {
			t.Errorf("sent %q, got %q", given, got)
		}
	}
}

// An answer that is given before any router is the envelope, and is logged with its kind.
func TestErrorBeforeARouter(t *testing.T) {
	var log bytes.Buffer
	h := around(t, func(w http.ResponseWriter, _ *http.Request) {
		problem.Write(w, problem.New(http.StatusTooManyRequests))
	}, &log)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	want := `{"status":429,"message":"Too many requests","error":"rate_limiter","causes":[]}`
	if w.Code != http.StatusTooManyRequests || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), `"kind":"rate_limiter"`) {
		t.Errorf("logged %s", log.String())
	}
}

func TestPanicIsALogged500(t *testing.T) {
	var log bytes.Buffer
	h := around(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1")
		panic("the clock broke")
	}, &log)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	const want = `{"status":500,"message":"Something went wrong on our side","error":"internal",` +
		`"causes":[]}`
	if w.Code != http.StatusInternalServerError || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if w.Header().Get("Content-Length") != "" || w.Header().Get("X-Request-Id") == "" {
		t.Errorf("headers %v", w.Header())
	}
	for _, part := range []string{"the clock broke", `"level":"ERROR"`, `"status":500`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %s in the log: %s", part, log.String())
		}
	}
}

// If an answer breaks off, the client sees the connection close, not a short answer.
func TestPanicWithinAnAnswerCutsTheConnection(t *testing.T) {
	var log bytes.Buffer
	server := httptest.NewServer(around(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half of the")
		panic("the disk broke")
	}, &log))
	defer server.Close()
	answer, err := http.Get(server.URL)
	if err == nil {
		_, err = io.ReadAll(answer.Body)
		answer.Body.Close()
	}
	if err == nil {
		t.Error("the client took the answer for a whole one")
	}
	server.Close() // waits for the handler
	for _, part := range []string{"the disk broke", `"level":"ERROR"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %s in the log: %s", part, log.String())
		}
	}
}

// A handler that cuts the connection on purpose still can.
func TestAbortedAnswer(t *testing.T) {
	h := around(t, func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}, io.Discard)
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v", err)
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// BenchmarkEdge measures the time that the middleware adds to a request.
func BenchmarkEdge(b *testing.B) {
	h := around(b, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
	}, io.Discard)
	r, w := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", nil), discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(w, r)
	}
}
