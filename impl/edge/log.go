package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"
)

// logRequest writes the request's line: 2xx and 3xx at debug, 4xx at info, 5xx at error. The text
// of an error is written only if the fault is the service's; it never holds a token.
func (e *edge) logRequest(r *http.Request, x *exchange, id string, took time.Duration) {
	level := slog.LevelDebug
	switch {
	case errors.Is(x.err, context.Canceled): // the client hung up
	case x.cut:
		level = slog.LevelError
	case x.status == http.StatusNotImplemented: // the caller asked for a part that is switched off
		level = slog.LevelInfo
	case x.status >= http.StatusInternalServerError:
		level = slog.LevelError
	case x.status >= http.StatusBadRequest:
		level = slog.LevelInfo
	}
	if !e.log.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", knownMethod(r.Method)),
		slog.String("route", x.route),
		slog.Int("status", x.status),
		slog.Duration("duration", took),
		slog.String("request_id", id),
	}
	switch {
	case x.err != nil && level == slog.LevelError:
		attrs = append(attrs, slog.String("error", x.err.Error()))
	case x.answer != nil:
		attrs = append(attrs, slog.String("kind", x.answer.Kind))
	}
	e.log.LogAttrs(r.Context(), level, "request", attrs...)
}

// knownMethod keeps a caller's invented method out of the log.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}
