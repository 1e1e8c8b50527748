package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

const secret = "0123456789abcdef0123456789abcdef"

// newServer returns the public handler over the key above, with now as its clock and its log
// written to log.
func newServer(tb testing.TB, now func() time.Time, log io.Writer) http.Handler {
	tb.Helper()
	return newMeasuredServer(tb, now, log, prometheus.NewRegistry())
}

func newMeasuredServer(
	tb testing.TB, now func() time.Time, log io.Writer, registry *prometheus.Registry,
) http.Handler {
	tb.Helper()
	keys, err := jwk.SecretSet([]byte(secret), false)
	if err != nil {
		tb.Fatal(err)
	}
	db, err := store.Open(tb.Context(), "sqlite::memory:")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	logger := slog.New(slog.NewJSONHandler(log, nil))
	sessions := session.New(session.Config{Keys: keys, Store: db, Now: now, Log: logger})
	tb.Cleanup(answerFromMemory(sessions))
	h, err := api.New(api.Config{
		Sessions: sessions,
		Registry: registry,
		Hints:    api.Hints{OpsListen: "--ops-listen"},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return surrounded(tb, h, logger, registry)
}

// surrounded returns h behind the edge, as a server has it.
func surrounded(
	tb testing.TB, h http.Handler, logger *slog.Logger, registry *prometheus.Registry,
) http.Handler {
	tb.Helper()
	c := edge.Config{Log: logger, Registry: registry, Limits: edge.DefaultLimits()}
	h, err := edge.New(h, c)
	if err != nil {
		tb.Fatal(err)
	}
	return h
}

// answerFromMemory runs the service until the returned function is called, and returns when it has
// its lease.
func answerFromMemory(s *session.Service) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.Run(ctx)
	}()
	for !s.Status().HasLease {
		time.Sleep(time.Millisecond)
	}
	return func() {
		cancel()
		<-ended
	}
}

func refreshToken(tb testing.TB, claims jwt.MapClaims) string {
	tb.Helper()
	s, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func sample(exp time.Time) jwt.MapClaims {
	return jwt.MapClaims{
		"exp":      exp.Unix(),
		"identity": "whois.muchlis@gmail.com",
		"is_admin": true,
		"jti":      "",
		"name":     "Real Muchlis",
	}
}

func post(h http.Handler, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func body(tb testing.TB, fields map[string]any) string {
	tb.Helper()
	b, err := json.Marshal(fields)
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}

func TestPanicIsALogged500(t *testing.T) {
	var log bytes.Buffer
	h := newServer(t, func() time.Time { panic("the clock broke") }, &log)
	good := refreshToken(t, sample(time.Now().Add(time.Hour)))
	w := post(h, body(t, map[string]any{"refresh_token": good}))
	const want = `{"status":500,"message":"Something went wrong on our side","error":"internal",` +
		`"causes":[]}`
	if w.Code != http.StatusInternalServerError || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	for _, part := range []string{"the clock broke", `"level":"ERROR"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log does not have %s: %s", part, log.String())
		}
	}
}

func TestLogNeverHoldsAToken(t *testing.T) {
	var log bytes.Buffer
	h := newServer(t, time.Now, &log)
	expired := refreshToken(t, sample(time.Now().Add(-time.Hour)))
	for _, b := range []string{
		body(t, map[string]any{"refresh_token": expired}),
		body(t, map[string]any{"refresh_token": expired + "x"}),
		body(t, map[string]any{expired: 1}),
		`{"refresh_token":` + expired,
	} {
		w := post(h, b)
		if w.Code < 400 {
			t.Fatalf("got %d", w.Code)
		}
		for part := range strings.SplitSeq(expired, ".") {
			if strings.Contains(w.Body.String(), part) || strings.Contains(log.String(), part) {
				t.Errorf("a part of the token came back: %s %s", w.Body, log.String())
			}
		}
	}
	if n := strings.Count(log.String(), "\n"); n != 4 {
		t.Errorf("%d log lines, want 4", n)
	}
}

// discard is a ResponseWriter that costs nothing, so that the benchmark counts the handler alone.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }

type reusable struct{ *strings.Reader }

func (reusable) Close() error { return nil }

// refreshing returns a function that sends one request for a refresh to h.
func refreshing(tb testing.TB, h http.Handler) func() {
	tb.Helper()
	good := refreshToken(tb, sample(time.Now().Add(time.Hour)))
	text := body(tb, map[string]any{"refresh_token": good, "limit": 10})
	reader := strings.NewReader(text)
	r := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", nil)
	r = r.WithContext(edge.ConnContext(r.Context(), nil))
	r.Header.Set("Content-Type", "application/json")
	r.Body, r.ContentLength = reusable{reader}, int64(len(text))
	w := &discard{header: http.Header{}}
	return func() {
		reader.Reset(text)
		clear(w.header)
		h.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			tb.Fatalf("got %d", w.status)
		}
	}
}

func BenchmarkRefresh(b *testing.B) {
	refresh := refreshing(b, newServer(b, time.Now, io.Discard))
	b.ReportAllocs()
	for b.Loop() {
		refresh()
	}
}
