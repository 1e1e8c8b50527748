package session_test

import (
	"log/slog"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/tests/logs"
)

// TestHints: the first refresh token without a type is logged with the hint, and none if there is
// no hint, because then tokens of the login have no type.
func TestHints(t *testing.T) {
	for hint, want := range map[string]int{"require the type": 1, "": 0} {
		var log logs.Log
		s := newRecorded(t, func(c *session.Config) {
			c.Log, c.UntypedHint = slog.New(slog.NewTextHandler(&log, nil)), hint
		})
		s.refresh(t, s.sign(t, "one", day, `,"type":1`), nil, session.Client{})
		if log.Contains("no type") {
			t.Errorf("hint %q: a token with a type is logged", hint)
		}
		for range 2 {
			s.refresh(t, s.sign(t, "two", day, ""), nil, session.Client{})
		}
		if got := strings.Count(log.String(), "no type"); got != want || want == 1 && !log.Contains(hint) {
			t.Errorf("hint %q: logged %d times, want %d: %s", hint, got, want, log.String())
		}
	}
}
