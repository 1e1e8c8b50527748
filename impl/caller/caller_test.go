package caller_test

import (
	"context"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/caller"
)

func TestTraceparent(t *testing.T) {
	const trace, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for header, sampled := range map[string]string{
		"00-" + trace + "-" + span + "-01":      "01",
		"00-" + trace + "-" + span + "-00":      "00",
		"00-" + trace + "-" + span + "-03":      "01",
		"cc-" + trace + "-" + span + "-01":      "01",
		"cc-" + trace + "-" + span + "-01-more": "01",
	} {
		c := caller.Caller{}.WithTrace(header)
		next := c.Traceparent()
		if c.TraceID != trace || len(next) != 55 || strings.Contains(next, span) ||
			!strings.HasPrefix(next, "00-"+trace+"-") || !strings.HasSuffix(next, "-"+sampled) {
			t.Errorf("%s: trace %q, passed on as %q", header, c.TraceID, next)
		}
	}
	for _, header := range []string{
		"", "00", trace,
		"00-" + strings.ToUpper(trace) + "-" + span + "-01",
		"00-" + strings.Repeat("0", 32) + "-" + span + "-01",
		"00-" + trace + "-" + strings.Repeat("0", 16) + "-01",
		"00-" + trace + "-" + span + "-0x",
		"00-" + trace + "-" + span + "-01-more",
		"cc-" + trace + "-" + span + "-01more",
		"ff-" + trace + "-" + span + "-01",
		"00_" + trace + "-" + span + "-01",
		"00-" + trace + "_" + span + "-01",
		"00-" + trace + "-" + span + "_01",
	} {
		if c := (caller.Caller{}).WithTrace(header); c.TraceID != "" || c.Traceparent() != "" {
			t.Errorf("%q is taken for a trace: %+v", header, c)
		}
	}
}

func TestCallerInContext(t *testing.T) {
	if got := caller.Of(t.Context()); got != (caller.Caller{}) {
		t.Errorf("a context without a request has the caller %+v", got)
	}
	want := caller.Caller{RequestID: "a"}
	if got := caller.Of(context.WithoutCancel(caller.With(t.Context(), want))); got != want {
		t.Errorf("got %+v", got)
	}
}
