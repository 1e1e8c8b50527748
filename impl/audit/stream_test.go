package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/audit"
)

// stream returns a stream whose lines go to the buffer, and the time that it sees.
func stream(out *bytes.Buffer) (*audit.Stream, *time.Time) {
	now := time.Date(2026, 11, 25, 8, 30, 0, 123_456_789, time.UTC)
	return audit.New(audit.Config{
		Out:  out,
		Node: func() string { return "db1.NODE" },
		Now:  func() time.Time { return now },
		Request: func(context.Context) audit.Request {
			return audit.Request{
				Client: "192.0.2.7",
				ID:     "r1",
				Trace:  "4bf92f3577b34da6a3ce929d0e0e4736",
			}
		},
	}), &now
}

// TestLine: the schema that docs/audit.md describes, in its order, one line an event.
func TestLine(t *testing.T) {
	var out bytes.Buffer
	s, _ := stream(&out)
	s.Record(t.Context(), audit.Event{
		Name:          audit.RefreshRefused,
		Cause:         "revoked",
		Session:       "5e",
		Identity:      "ana & \"bob\"\n",
		HasGeneration: true,
		Detail:        "token is revoked",
		Complete: func(_ context.Context, e *audit.Event) {
			e.Actor, e.Reason = "admin:eve", "stolen phone"
		},
	})
	s.Wait()
	s.Record(t.Context(), audit.Event{Name: audit.KeysChanged})
	const want = `{"audit":1,"time":"2026-11-25T08:30:00.123Z","event":"refresh_refused",` +
		`"cause":"revoked","session":"5e","identity":"ana & \"bob\"\n","generation":0,` +
		`"actor":"admin:eve","reason":"stolen phone","detail":"token is revoked",` +
		`"client":"192.0.2.7","request_id":"r1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",` +
		`"node":"db1.NODE"}` + "\n" +
		`{"audit":1,"time":"2026-11-25T08:30:00.123Z","event":"keys_changed",` +
		`"client":"192.0.2.7","request_id":"r1","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736",` +
		`"node":"db1.NODE"}` + "\n"
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestBound: a client that is refused without end cannot fill the disk, does not hide events of
// another kind, and the number of missing lines is told.
func TestBound(t *testing.T) {
	var out bytes.Buffer
	s, now := stream(&out)
	refuse := func(cause string, times int) (lines int) {
		before := strings.Count(out.String(), "\n")
		for range times {
			s.Record(t.Context(), audit.Event{Name: audit.RefreshRefused, Cause: cause})
		}
		return strings.Count(out.String(), "\n") - before
	}
	if lines := refuse("signature", 1000); lines != 10 {
		t.Errorf("%d lines of 1000 in one second", lines)
	}
	if lines := refuse("revoked", 3); lines != 3 {
		t.Errorf("%d lines of 3 for another cause", lines)
	}
	*now = now.Add(time.Second)
	if lines := refuse("signature", 1); lines != 1 ||
		!strings.Contains(out.String(), `"left_out":990}`) {
		t.Errorf("a second later: %d lines, %s", lines, out.String())
	}
	out.Reset()
	for range 100 {
		s.Record(t.Context(), audit.Event{Name: audit.Revocation, Cause: "session"})
	}
	if lines := strings.Count(out.String(), "\n"); lines != 100 {
		t.Errorf("%d lines of 100 revocations", lines)
	}
}

// TestAlarms: a log line with the attribute alarm is an event, and stays a log line.
func TestAlarms(t *testing.T) {
	var out, log bytes.Buffer
	s, _ := stream(&out)
	logger := slog.New(
		s.Handler(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError})))
	logger.Error("The feed is shorter", "alarm", "feed_regression", "head", 7)
	logger.With("part", "node").Error("Ahead", "alarm", "token_ahead_of_store", "session", "5e",
		"identity", "ana", "generation", int64(4))
	logger.Error("no alarm")
	var events []map[string]any
	for line := range strings.Lines(out.String()) {
		var e map[string]any
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		events = append(events, e)
	}
	if len(events) != 2 || events[0]["cause"] != "feed_regression" ||
		events[0]["event"] != "alarm" ||
		events[1]["session"] != "5e" || events[1]["identity"] != "ana" ||
		events[1]["generation"] != 4.0 {
		t.Errorf("got %v", events)
	}
	if strings.Count(log.String(), "\n") != 3 {
		t.Errorf("log:\n%s", log.String())
	}
}

// TestTogether: lines do not mix. The race detector watches.
func TestTogether(t *testing.T) {
	var out bytes.Buffer
	s, _ := stream(&out)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 50 {
				s.Record(t.Context(), audit.Event{
					Name:     audit.Reuse,
					Complete: func(context.Context, *audit.Event) {},
				})
			}
		})
	}
	group.Wait()
	s.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 400 {
		t.Fatalf("%d lines", len(lines))
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}
