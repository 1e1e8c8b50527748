package edge_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/edge"
)

func newOps(notReady func() []string, log *bytes.Buffer) http.Handler {
	return edge.Operations(edge.OperationsConfig{
		Listen:   "--listen/REFRESH_LISTEN",
		Log:      slog.New(slog.NewTextHandler(log, nil)),
		Registry: prometheus.NewRegistry(),
		NotReady: notReady,
	})
}

func TestOps(t *testing.T) {
	yes := func() []string { return nil }
	no := func() []string { return []string{"the revocations are not read yet", "no key"} }
	const use = "use GET /healthz, /readyz or /metrics"
	for name, c := range map[string]struct {
		notReady     func() []string
		method, path string
		status       int
		body         string
	}{
		"healthy":       {no, http.MethodGet, "/healthz", 200, `{"status":"ok"}`},
		"healthy, HEAD": {no, http.MethodHead, "/healthz", 200, ""},
		"ready":         {yes, http.MethodGet, "/readyz", 200, `{"status":"ready"}`},
		"not ready": {
			no, http.MethodGet, "/readyz", 503,
			`{"status":503,"message":"Not ready","error":"unavailable",` +
				`"causes":["the revocations are not read yet","no key"]}`,
		},
		"metrics": {yes, http.MethodGet, "/metrics", 200, ""},
		"no such path": {
			yes, http.MethodGet, "/api/v1/refresh", 404,
			`{"status":404,"message":"Not found","error":"not_found",` +
				`"causes":["no operation has this path: ` + use +
				`; the API is served at the address of --listen/REFRESH_LISTEN"]}`,
		},
		"no such method": {
			yes, http.MethodPost, "/healthz", 405,
			`{"status":405,"message":"Method not allowed","error":"method_not_allowed",` +
				`"causes":["this path has no such method: ` + use + `"]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			w := httptest.NewRecorder()
			newOps(c.notReady, &log).ServeHTTP(w, httptest.NewRequest(c.method, c.path, nil))
			got := strings.TrimSpace(w.Body.String())
			if w.Code != c.status || c.method != http.MethodHead && got != c.body {
				t.Errorf("got %d %s", w.Code, got)
			}
			if cache := w.Header().Get("Cache-Control"); c.status >= 400 && cache != "no-store" {
				t.Errorf("an error with Cache-Control %q", cache)
			}
			if log.Len() != 0 {
				t.Errorf("probes come every second; logged %s", log.String())
			}
		})
	}
}

func TestPanicOfOpsIsALogged500(t *testing.T) {
	var log bytes.Buffer
	w := httptest.NewRecorder()
	h := newOps(func() []string { panic("no store") }, &log)
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/readyz", nil))
	if w.Code != 500 || !strings.Contains(w.Body.String(), `"error":"internal"`) {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "no store") || !strings.Contains(log.String(), "/readyz") {
		t.Errorf("the log does not name the panic: %s", log.String())
	}
}
