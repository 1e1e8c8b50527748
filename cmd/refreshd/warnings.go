package main

import (
	"context"
	"log/slog"
	"slices"
	"strings"
)

// warnings returns the logger of a command that is not a server: only warnings are logged.
func warnings(p *program) *slog.Logger {
	return slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// warnings returns a logger whose warnings become results of the topic.
func (c *check) warnings(topic string) *slog.Logger {
	return slog.New(warningResults{check: c, topic: topic})
}

// warningResults implements slog.Handler: it makes a result of each warning.
type warningResults struct {
	check   *check
	topic   string
	details []string
}

func (w warningResults) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}

func (w warningResults) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		w = w.with(a)
		return true
	})
	text := r.Message
	if len(w.details) > 0 {
		text += " (" + strings.Join(w.details, ", ") + ")"
	}
	w.check.warn(w.topic, text)
	return nil
}

func (w warningResults) WithAttrs(attrs []slog.Attr) slog.Handler { return w.with(attrs...) }

func (w warningResults) WithGroup(string) slog.Handler { return w }

func (w warningResults) with(attrs ...slog.Attr) warningResults {
	w.details = slices.Clone(w.details)
	for _, a := range attrs {
		w.details = append(w.details, a.Key+": "+a.Value.String())
	}
	return w
}
