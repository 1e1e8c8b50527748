package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// errClientGone marks an answer that could not be delivered.
var errClientGone = errors.New("the client has gone")

// observer surrounds every request: it names the request, turns errors and panics into the envelope, and then
// counts and logs. One middleware, because each needs what the one before it knows.
type observer struct {
	logger  *slog.Logger
	metrics *metrics
	noStore []string // shared by all answers
}

func (o *observer) middleware(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		start := time.Now()
		// echo's names of header fields are canonical: Get and Set would only look at each letter again.
		header := c.Response().Header()
		id := requestID(first(c.Request().Header[echo.HeaderXRequestID]))
		header[echo.HeaderXRequestID] = []string{id}
		if strings.HasPrefix(c.Path(), "/api/") {
			header[echo.HeaderCacheControl] = o.noStore // tokens are not for caches
		}
		err := recovered(next, c)
		if err != nil {
			writeError(err, c)
		}
		took := time.Since(start)
		status := c.Response().Status
		o.metrics.request(c.Path(), status, took)
		o.log(c, id, status, took, err)
		return nil
	}
}

// recovered calls next and returns a panic of it as an error.
func recovered(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err = fmt.Errorf("panic: %v\n%s", v, debug.Stack())
		}
	}()
	return next(c)
}

// log writes the request's line: 2xx and 3xx at debug, 4xx at info, 5xx at error. The text of an error is written
// only where it is our fault; it never holds a token.
func (o *observer) log(c echo.Context, id string, status int, took time.Duration, err error) {
	level := levelOf(status)
	if errors.Is(err, context.Canceled) {
		level = slog.LevelDebug // the client has gone
	}
	ctx := c.Request().Context()
	if !o.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("method", method(c.Request().Method)),
		slog.String("route", c.Path()),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.String("request_id", id),
	}
	switch {
	case err != nil && level == slog.LevelError:
		attrs = append(attrs, slog.String("error", err.Error()))
	case err != nil && !errors.Is(err, errClientGone):
		attrs = append(attrs, slog.String("kind", envelope(err).Kind))
	}
	o.logger.LogAttrs(ctx, level, "request", attrs...)
}

func levelOf(status int) slog.Level {
	switch {
	case status == http.StatusNotImplemented: // the caller's mistake
		return slog.LevelInfo
	case status >= http.StatusInternalServerError:
		return slog.LevelError
	case status >= http.StatusBadRequest:
		return slog.LevelInfo
	}
	return slog.LevelDebug
}

// method keeps a caller's invented method out of the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// requestID returns the caller's request ID if it is short and plain, so that one ID can be followed through
// several services, and else a random one. It is a name, not a secret.
func requestID(given string) string {
	if plain(given) {
		return given
	}
	return strconv.FormatUint(rand.Uint64()|1<<63, 32)
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func plain(s string) bool {
	for _, b := range []byte(s) {
		if (b < '0' || b > '9') && (b < 'A' || b > 'Z') && (b < 'a' || b > 'z') && b != '-' && b != '_' && b != '.' {
			return false
		}
	}
	return s != "" && len(s) <= 64
}
