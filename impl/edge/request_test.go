package edge_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/problem"
)

// A handler learns from its context which request it answers, and so does the log.
func TestCallerOfARequest(t *testing.T) {
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	var log bytes.Buffer
	var got caller.Caller
	h := around(t, func(w http.ResponseWriter, r *http.Request) {
		got = caller.Of(r.Context())
		problem.Write(w, problem.New(http.StatusNotFound))
	}, &log)
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.RemoteAddr = "192.0.2.7:1234"
	r.Header.Set("X-Request-Id", "abc")
	r.Header.Set("traceparent", "00-"+trace+"-00f067aa0ba902b7-01")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if got.Address.String() != "192.0.2.7" || got.RequestID != "abc" || got.TraceID != trace {
		t.Errorf("the handler saw %+v", got)
	}
	for _, part := range []string{
		`"client":"192.0.2.7"`, `"request_id":"abc"`, `"trace_id":"` + trace + `"`, `"duration_ms":`,
	} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("no %s in %s", part, log.String())
		}
	}
}
