package audit

import (
	"context"
	"log/slog"
)

// alarmKey is the key of an attribute that makes a log line an alarm. Its value is one of Alarms.
// The line must have the level error, which no --log-level hides.
const alarmKey = "alarm"

// Alarms returns the values of the attribute "alarm".
func Alarms() []string {
	return []string{
		"feed_regression",      // the store's feed is shorter than what was applied
		"clean_up_behind",      // the clock is far ahead of the store's last clean-up
		"clock_difference",     // this machine's clock differs from the store's
		"token_ahead_of_store", // the store lost a rotation
		// The store lost revocations, which a node wrote back.
		"revocations_written_back",
		"identity_gone_limit", // the user service logs too many clients out
		"other_store",         // the store is not the one that the server started with
	}
}

// Handler returns a handler that writes alarms among the log lines to the stream too. So a package
// that raises an alarm needs its logger only.
func (s *Stream) Handler(next slog.Handler) slog.Handler { return alarms{next, s} }

type alarms struct {
	slog.Handler
	stream *Stream
}

// Handle implements slog.Handler.
func (a alarms) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		e := Event{Name: Alarm, Detail: r.Message}
		r.Attrs(func(attr slog.Attr) bool {
			switch attr.Key {
			case alarmKey:
				e.Cause = attr.Value.String()
			case "session":
				e.Session = attr.Value.String()
			case "identity":
				e.Identity = attr.Value.String()
			case "generation":
				e.Generation, e.HasGeneration = attr.Value.Int64(), true
			}
			return true
		})
		if e.Cause != "" {
			a.stream.Record(ctx, e)
		}
	}
	return a.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (a alarms) WithAttrs(attrs []slog.Attr) slog.Handler {
	return alarms{a.Handler.WithAttrs(attrs), a.stream}
}

// WithGroup implements slog.Handler.
func (a alarms) WithGroup(name string) slog.Handler {
	return alarms{a.Handler.WithGroup(name), a.stream}
}
