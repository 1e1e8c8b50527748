package edge_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/edge"
)

// with returns next behind an edge of the configuration.
func with(t *testing.T, c edge.Config, next http.HandlerFunc) http.Handler {
	t.Helper()
	c.Log, c.Registry = slog.New(slog.DiscardHandler), prometheus.NewRegistry()
	c.Limits = edge.DefaultLimits()
	h, err := edge.New(next, c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func send(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A request is answered 503 at once while as many as allowed are in flight. One whose answer has
// begun, or whose body has not arrived, is not in flight.
func TestRequestsInFlightAreLimited(t *testing.T) {
	entered, proceed := make(chan string), make(chan struct{})
	h := with(t, edge.Config{MaxInFlight: 2}, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path == "/answers" {
			w.WriteHeader(http.StatusOK)
		}
		entered <- string(body)
		<-proceed
	})
	begin := func(path string, body io.Reader) (done chan int) {
		done = make(chan int, 1)
		go func() { done <- send(h, httptest.NewRequest(http.MethodPost, path, body)).Code }()
		return done
	}
	late, lateBody := io.Pipe()
	slow := begin("/", late) // its body has not arrived
	answering := begin("/answers", nil)
	<-entered
	first, second := begin("/", strings.NewReader("one")), begin("/", strings.NewReader("two"))
	if got := <-entered + <-entered; got != "onetwo" && got != "twoone" {
		t.Errorf("the handlers read %q", got)
	}
	for range 20 {
		w := send(h, httptest.NewRequest(http.MethodPost, "/", nil))
		after, err := strconv.Atoi(w.Header().Get("Retry-After"))
		if w.Code != http.StatusServiceUnavailable || err != nil || after < 1 || after > 5 ||
			!strings.Contains(w.Body.String(), `"error":"unavailable"`) {
			t.Fatalf("got %d %s with %v", w.Code, w.Body, w.Header())
		}
	}
	for range 3 {
		proceed <- struct{}{}
	}
	for _, done := range []chan int{answering, first, second} {
		if got := <-done; got != http.StatusOK {
			t.Errorf("a request in flight was answered %d", got)
		}
	}
	if _, err := io.WriteString(lateBody, "three"); err != nil {
		t.Fatal(err)
	}
	lateBody.Close()
	if got := <-entered; got != "three" {
		t.Errorf("the slow client's handler read %q", got)
	}
	proceed <- struct{}{}
	if got := <-slow; got != http.StatusOK {
		t.Errorf("the slow client was answered %d", got)
	}
}

// While all places are taken, a number of requests of administration is answered all the same.
func TestAdministrationHasItsOwnPlaces(t *testing.T) {
	const path = "/api/v1/admin/revocations"
	entered, proceed := make(chan struct{}), make(chan struct{})
	h := with(t, edge.Config{MaxInFlight: 1}, func(http.ResponseWriter, *http.Request) {
		entered <- struct{}{}
		<-proceed
	})
	var inFlight sync.WaitGroup
	begin := func(path string) {
		inFlight.Go(func() {
			w := send(h, httptest.NewRequest(http.MethodPost, path, nil))
			if w.Code != http.StatusOK {
				t.Errorf("%s: got %d", path, w.Code)
			}
		})
		<-entered
	}
	begin("/api/v1/revoke")
	for range 32 {
		begin(path)
	}
	for _, path := range []string{"/api/v1/revoke", path} {
		w := send(h, httptest.NewRequest(http.MethodPost, path, nil))
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("%s, one more: got %d", path, w.Code)
		}
	}
	close(proceed)
	inFlight.Wait()
}

// A handler reads the same body, whatever its size, as without a limit.
func TestBodiesReadAhead(t *testing.T) {
	h := with(t, edge.Config{MaxInFlight: 1}, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(w, r.Body)
	})
	for _, size := range []int{0, 1, 1023, 1024, 1025, 16<<10 - 1, 16 << 10, 16<<10 + 1, 1 << 20} {
		want := strings.Repeat("x", size)
		for _, length := range []int64{int64(size), -1} {
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(want))
			r.ContentLength = length
			if w := send(h, r); w.Body.String() != want {
				t.Errorf("of %d bytes (length %d), the handler read %d", size, length, w.Body.Len())
			}
		}
	}
}

func TestRateLimitAnswers(t *testing.T) {
	h := with(t, edge.Config{RateLimit: edge.RateLimit{PerSecond: 0.5, Burst: 1}},
		func(http.ResponseWriter, *http.Request) {})
	request := func(path string) *http.Request {
		return httptest.NewRequest(http.MethodPost, path, nil)
	}
	if w := send(h, request("/api/v1/refresh")); w.Code != http.StatusOK {
		t.Errorf("the first request was answered %d", w.Code)
	}
	w := send(h, request("/api/v1/refresh"))
	const want = `{"status":429,"message":"Too many requests","error":"rate_limiter",` +
		`"causes":["too many requests from this address"]}`
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") != "2" ||
		w.Body.String() != want {
		t.Errorf("got %d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := send(h, request("/api/v1/authenticate")); w.Code != http.StatusOK {
		t.Errorf("a gateway was answered %d", w.Code)
	}
}

func TestCORS(t *testing.T) {
	limit := edge.RateLimit{PerSecond: 1e-3, Burst: 1}
	exact := edge.Origins{Exact: []string{"https://app.example.com"}}
	for name, c := range map[string]struct {
		origins         edge.Origins
		origin, allowed string
	}{
		"exact":              {exact, "https://app.example.com", "https://app.example.com"},
		"another origin":     {exact, "https://evil.example.com", ""},
		"another scheme":     {exact, "http://app.example.com", ""},
		"another port":       {exact, "https://app.example.com:444", ""},
		"null":               {exact, "null", ""},
		"localhost is not":   {exact, "http://localhost:5173", ""},
		"localhost":          {edge.Origins{Localhost: true}, "http://localhost:5173", "http://localhost:5173"},
		"loopback":           {edge.Origins{Localhost: true}, "http://127.0.0.1:3000", "http://127.0.0.1:3000"},
		"like localhost":     {edge.Origins{Localhost: true}, "http://localhost.evil.example", ""},
		"like localhost too": {edge.Origins{Localhost: true}, "http://evillocalhost", ""},
		"every origin":       {edge.Origins{Exact: []string{"*"}}, "https://x.example", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			h := with(t, edge.Config{Origins: c.origins, RateLimit: limit},
				func(http.ResponseWriter, *http.Request) {})
			r := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", nil)
			r.Header.Set("Origin", c.origin)
			for _, status := range []int{http.StatusOK, http.StatusTooManyRequests} {
				w := send(h, r)
				if got := w.Header().Get("Access-Control-Allow-Origin"); w.Code != status || got != c.allowed {
					t.Errorf("%d, allowed %q, want %d, %q", w.Code, got, status, c.allowed)
				}
				vary := strings.Join(w.Header().Values("Vary"), ", ")
				if c.allowed != "*" && !strings.Contains(vary, "Origin") {
					t.Errorf("Vary is %q", vary)
				}
				exposed := w.Header().Get("Access-Control-Expose-Headers")
				if c.allowed != "" && exposed != "Retry-After, X-Request-Id" {
					t.Errorf("exposed %q", exposed)
				}
			}
			for _, path := range []string{
				"/api/v1/refresh", "/oauth2/token", "/oauth2/revoke", "/oauth2/introspect",
			} {
				// The star does not stand for Authorization (Fetch, section 3.3.3).
				const asked = "authorization,content-type"
				preflight := httptest.NewRequest(http.MethodOptions, path, nil)
				preflight.Header.Set("Origin", c.origin)
				preflight.Header.Set("Access-Control-Request-Method", "POST")
				preflight.Header.Set("Access-Control-Request-Headers", asked)
				w := send(h, preflight)
				got := w.Header().Get("Access-Control-Allow-Origin")
				if w.Code != http.StatusNoContent || got != c.allowed {
					t.Errorf("preflight of %s: %d, allowed %q", path, w.Code, got)
				}
				headers := w.Header().Get("Access-Control-Allow-Headers")
				if c.allowed != "" && headers != asked {
					t.Errorf("preflight of %s: allowed headers %q", path, headers)
				}
			}
			r.URL.Path = "/api/v1/authenticate"
			if w := send(h, r); w.Header().Get("Access-Control-Allow-Origin") != "" {
				t.Error("pages may call what only gateways call")
			}
		})
	}
}

func TestConnectionsCloseWhileStopping(t *testing.T) {
	for _, stopping := range []bool{false, true} {
		h := with(t, edge.Config{Stopping: func() bool { return stopping }},
			func(http.ResponseWriter, *http.Request) {})
		w := send(h, httptest.NewRequest(http.MethodGet, "/", nil))
		if got := w.Header().Get("Connection") == "close"; got != stopping {
			t.Errorf("stopping %t: Connection: close is %t", stopping, got)
		}
	}
}
