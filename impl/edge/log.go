package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/lines"
	"kalsel.dev/refresh/impl/problem"
)

// logRequest writes the request's line: 2xx and 3xx at debug, 4xx at info with the causes, 5xx that
// are not the caller's fault at error. The text of an error is written only if the fault is the service's; it never holds a
// token.
func (e *edge) logRequest(r *request, x *exchange, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case errors.Is(x.err, context.Canceled): // the client hung up
	case x.cut:
		level = slog.LevelError
	case x.status == http.StatusNotImplemented, // the caller asked for a part that is switched off
		x.answer != nil && x.answer.CallersFault: // such as the clock of the login
		level = slog.LevelInfo
	case x.status >= http.StatusInternalServerError:
		level = slog.LevelError
	case x.status >= http.StatusBadRequest:
		level = slog.LevelInfo
	}
	if !e.log.Enabled(r.Context(), level) {
		return
	}
	leftOut := 0
	if level == slog.LevelError || x.status == http.StatusTooManyRequests {
		var write bool
		if write, leftOut = e.failures.Next(x.status, time.Now()); !write {
			return
		}
	}
	from := r.caller()
	attrs := []slog.Attr{
		slog.String("method", knownMethod(r.Method)),
		slog.String("route", x.route),
		slog.Int("status", x.status),
		slog.Float64("duration_ms", milliseconds(took)),
		slog.String("request_id", from.RequestID),
	}
	if from.Address.IsValid() {
		attrs = append(attrs, slog.String("client", from.Address.String()))
	}
	if from.TraceID != "" {
		attrs = append(attrs, slog.String("trace_id", from.TraceID))
	}
	if x.answer != nil && level != slog.LevelError {
		attrs = append(attrs, slog.String("kind", x.answer.Kind))
		if causes := x.answer.LogCauses; len(causes) > 0 {
			causes = causes[:min(len(causes), 3)]
			attrs = append(attrs, slog.String("cause", strings.Join(causes, "; ")))
		}
	}
	if x.err != nil && level == slog.LevelError {
		text := x.err.Error()
		if plain, ok := x.err.(*problem.Error); ok && len(plain.Causes) > 0 { //nolint:errorlint // itself
			text = strings.Join(plain.Causes, "; ") // its message is the same for each 503
		}
		attrs = append(attrs, slog.String("error", text))
	}
	if leftOut > 0 {
		attrs = append(attrs, slog.Int("lines_left_out", leftOut))
	}
	e.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// milliseconds returns d in milliseconds, to the microsecond.
func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// failureLines bounds the lines of each status of 5xx, of 429, and of the errors of net/http, which
// have the key 0. While a dependency is unavailable, every request fails, and all lines say the same.
type failureLines = lines.Bound[int]

// knownMethod keeps a caller's invented method out of the log.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// serverErrors bounds the lines about errors of net/http, such as failed TLS handshakes: every port
// scan causes some.
type serverErrors struct {
	slog.Handler

	lines *failureLines
}

// Handle implements slog.Handler.
func (s serverErrors) Handle(ctx context.Context, line slog.Record) error {
	write, leftOut := s.lines.Next(0, line.Time)
	if !write {
		return nil
	}
	if leftOut > 0 {
		line.AddAttrs(slog.Int("lines_left_out", leftOut))
	}
	return s.Handler.Handle(ctx, line)
}
