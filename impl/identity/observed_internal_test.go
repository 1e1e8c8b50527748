package identity

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/lines"
)

// value returns the value of the series that has the label's value, or that has no label. It is the
// count of a histogram.
func (s *scripted) value(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if family.GetName() != "refreshd_identity_"+name ||
				label != "" && m.GetLabel()[0].GetValue() != label {
				continue
			}
			if h := m.GetHistogram(); h != nil {
				return float64(h.GetSampleCount())
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no series %s of %q", name, label)
	return 0
}

// TestMetrics: each call counts by its outcome, and each kept answer.
func TestMetrics(t *testing.T) {
	s := newScripted(t)
	ask := func(status int) {
		s.answer = func(ctx context.Context) (*http.Response, error) {
			response, err := answers(ctx)
			response.StatusCode = status
			return response, err
		}
		_, _ = s.Claims(t.Context(), asked())
	}
	for status, times := range map[int]int{200: 1, 403: 2, 404: 3, 410: 1, 500: 5} {
		for range times {
			ask(status)
		}
	}
	s.c.Keep = true
	s.Failed(t.Context(), asked(), &failure{reason: busy})
	s.Failed(t.Context(), asked(), &failure{reason: overLimit, final: true})
	for _, c := range []struct {
		name, label string
		want        float64
	}{
		{"call_duration_seconds", "updated", 1},
		{"call_duration_seconds", "not_allowed", 2},
		{"call_duration_seconds", "gone", 4},
		{"call_duration_seconds", "failed", 5},
		{"failures_total", "busy", 1},
		{"failures_total", "gone_limit", 1},
		{"failures_total", "timeout", 0},
		{"kept_total", "", 1},
		{"in_flight", "", 0},
		{"breaker_open", "", 0},
	} {
		if got := s.value(t, c.name, c.label); got != c.want {
			t.Errorf("%s of %q is %v, want %v", c.name, c.label, got, c.want)
		}
	}
	for range inARow {
		ask(500)
	}
	if got := s.value(t, "breaker_open", ""); got != 1 {
		t.Errorf("breaker_open is %v after %d failures", got, inARow)
	}
}

// TestLog: an answer over the limit is an alarm, and no other failure is. The lines of a kind are
// bounded, and the next line has the number of those that were left out.
func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScripted(t)
		var log bytes.Buffer
		s.c.Log = slog.New(slog.NewTextHandler(&log, nil))
		logged := func(f *failure) string {
			log.Reset()
			s.Failed(t.Context(), asked(), f)
			return log.String()
		}
		if line := logged(&failure{reason: overLimit, text: "many", final: true}); !strings.Contains(
			line, `level=ERROR`) || !strings.Contains(line, "alarm=identity_gone_limit") {
			t.Errorf("over the limit: %s", line)
		}
		for range lines.PerSecond {
			if line := logged(&failure{reason: busy}); !strings.Contains(line, "level=WARN") ||
				strings.Contains(line, "alarm") || strings.Contains(line, "left_out") {
				t.Errorf("another failure: %s", line)
			}
		}
		if line := logged(&failure{reason: busy}); line != "" {
			t.Errorf("too many lines: %s", line)
		}
		time.Sleep(time.Second)
		if line := logged(&failure{reason: busy}); !strings.Contains(line, "lines_left_out=1") {
			t.Errorf("a second later: %s", line)
		}
	})
}

// TestHeader: a question has the request ID and the trace of the client's request if there are any.
func TestHeader(t *testing.T) {
	s := newScripted(t)
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for _, c := range []caller.Caller{
		{},
		caller.Caller{RequestID: "dajvin4rvva4j"}.WithTrace(trace),
	} {
		h := http.Header{}
		s.sender.setHeader(caller.With(t.Context(), c), h)
		parent, hasTrace := h["Traceparent"]
		id, hasID := h["X-Request-Id"]
		if hasID != (c.RequestID != "") || hasID && id[0] != c.RequestID ||
			hasTrace != (c.TraceID != "") || hasTrace && !strings.Contains(parent[0], c.TraceID) {
			t.Errorf("%+v: %v", c, h)
		}
	}
}

func TestParseCredential(t *testing.T) {
	for content, want := range map[string]string{
		"token":            "token",
		"\n !\"token~\t\n": `!"token~`,
		"":                 "",
		" \n":              "",
		"two words":        "",
		"two\nlines":       "",
		"token\x7f!":       "",
		"tökén":            "",
	} {
		if got, err := parseCredential(content); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: got %q, %v", content, got, err)
		}
	}
}
