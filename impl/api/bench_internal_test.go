package api

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/session"
)

// discard is a ResponseWriter that costs nothing.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkEncode(b *testing.B) {
	common := newShared()
	answer := refreshed{session.Grant{AccessToken: strings.Repeat("a", 250), Expires: 1611318219}, &common}
	w := discard{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		if err := answer.VisitRefreshTokenResponse(w); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLog is the line of an accepted request: off, as by default, and on.
func BenchmarkLog(b *testing.B) {
	c := newEcho().NewContext(httptest.NewRequest(http.MethodPost, "/api/v1/refresh", nil), httptest.NewRecorder())
	c.SetPath("/api/v1/refresh")
	for name, level := range map[string]slog.Level{"off": slog.LevelInfo, "on": slog.LevelDebug} {
		b.Run(name, func(b *testing.B) {
			o := &observer{logger: slog.New(slog.NewTextHandler(discard{}, &slog.HandlerOptions{Level: level}))}
			b.ReportAllocs()
			for b.Loop() {
				o.log(c, "3hk7flid3eiv0", http.StatusOK, time.Millisecond, nil)
			}
		})
	}
}

func BenchmarkMetrics(b *testing.B) {
	m, err := newMetrics(prometheus.NewRegistry(), session.New(session.Config{}))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		m.request("/api/v1/refresh", http.StatusOK, time.Millisecond)
		m.refreshed(nil)
	}
}

func BenchmarkRequestID(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		requestID("")
	}
}
