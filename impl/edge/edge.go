// Package edge surrounds every request: it listens, limits clients, names requests, turns panics
// into the error envelope, counts and logs. It is net/http middleware, so that an answer given
// before the router is counted and logged like any other.
package edge

import (
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/problem"
)

// Config holds the dependencies of the middleware. Log, Registry and Limits are required.
type Config struct {
	Log      *slog.Logger
	Registry prometheus.Registerer
	Limits   Limits
	// Proxies are trusted to say which client sent a request. It may be empty.
	Proxies Proxies
	// RateLimit bounds the requests of one client. The zero value is no limit.
	RateLimit RateLimit
	// MaxInFlight bounds the requests that are worked on at a time. 0 is no limit.
	MaxInFlight int
	// Origins are the web pages that may call the API.
	Origins Origins
	// Stopping reports whether the server stops, so that clients should open new connections
	// elsewhere; nil never does.
	Stopping func() bool
}

// edge is the middleware around one handler.
type edge struct {
	next      http.Handler
	log       *slog.Logger
	durations *durations
	limits    Limits
	proxies   Proxies
	stopping  func() bool
	failures  failureLines
	exchanges sync.Pool // of *exchange
}

// New returns next with the middleware around it. It fails if the registry has such metrics
// already.
func New(next http.Handler, c Config) (http.Handler, error) {
	d, err := newDurations(c.Registry)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	counts, err := newAdmission(c.Registry)
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	e := &edge{
		log:       c.Log,
		durations: d,
		limits:    c.Limits,
		proxies:   c.Proxies,
		stopping:  c.Stopping,
		exchanges: sync.Pool{New: func() any { return new(exchange) }},
	}
	if c.MaxInFlight > 0 {
		counts.places.max = int64(c.MaxInFlight)
		counts.administration.max = administrators
		next = shedLoad(next, counts)
	}
	if c.RateLimit.PerSecond > 0 {
		next = e.limitRate(next, newLimiter(c.RateLimit, counts.limited))
	}
	e.next = c.Origins.allow(next)
	return e, nil
}

// ServeHTTP names the request, has it answered, and then counts and logs it.
func (e *edge) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	x := e.exchanges.Get().(*exchange)
	*x = exchange{ResponseWriter: w, writeLimit: e.limits.Write, body: body{ahead: x.body.ahead[:0]}}
	r, known, connection := e.enter(r)
	w.Header()["X-Request-Id"] = known.id[:]
	x.connection = connection
	unread := r.Body
	if e.stopping != nil && e.stopping() {
		w.Header().Set("Connection", "close")
	}
	if len(r.TransferEncoding) > 0 {
		// Such a request may have had a Content-Length too, which net/http does not show. A proxy
		// that read the other one would take the rest of the body for a request (RFC 9112 section
		// 6.1).
		w.Header().Set("Connection", "close")
	}
	x.serve(e.next, forGateway(r))
	r.Body = unread
	if r.Close && len(r.Header["Expect"]) == 0 {
		// If the connection closes anyway, as it does for HTTP/1.0, net/http leaves the rest of the body
		// unread. The kernel then resets the connection, and a proxy may answer 502 instead of ours.
		_, _ = io.CopyN(io.Discard, r.Body, maxUnread)
	}
	took := time.Since(start)
	e.durations.of(series{x.route, x.status}).Observe(took.Seconds())
	if x.cut || x.status >= http.StatusBadRequest || e.log.Enabled(r.Context(), slog.LevelDebug) {
		e.logRequest(known, x, took)
	}
	connection.current.Store(nil)
	cut := x.cut
	// The pool must not keep the request's memory alive, but for the buffer.
	*x = exchange{body: body{ahead: x.body.ahead[:0]}}
	e.exchanges.Put(x)
	if cut {
		panic(http.ErrAbortHandler) // net/http closes the connection, so the client notices
	}
}

// maxUnread is how many bytes of a body are read after the answer is known.
const maxUnread = 256 << 10

// requestID returns the caller's request ID if it is short and plain, so that one ID can be
// followed through several services, and otherwise a random one. It is a name, not a secret.
func requestID(r *http.Request) string {
	if given := r.Header["X-Request-Id"]; len(given) > 0 && len(given[0]) <= 64 && given[0] != "" {
		plain := true
		for _, b := range []byte(given[0]) {
			letter := b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
			plain = plain && (letter || b >= '0' && b <= '9' || b == '-' || b == '_' || b == '.')
		}
		if plain {
			return given[0]
		}
	}
	return strconv.FormatUint(rand.Uint64()|1<<63, 32)
}

// largeAnswer is the size in bytes from which an answer gets a deadline of its own. The kernel
// takes smaller ones at once, and TCP's user timeout bounds how long it holds them (see Listen).
const largeAnswer = 16 << 10

// exchange is one request with its answer. It is the ResponseWriter that handlers see, so they can
// tell the edge about the request without a context value, which would cost two allocations.
type exchange struct {
	http.ResponseWriter

	status     int // zero: no answer yet
	written    int // bytes
	writeLimit time.Duration
	route      string         // of the router, empty if there is none
	answer     *problem.Error // nil unless the answer is an error
	err        error          // behind answer
	cut        bool           // the answer ends in its middle
	place      *inFlight      // nil unless the request is in flight
	connection *connection    // nil for operations
	body       body           // of the request, if it was read ahead
}

// serve calls next. A panic becomes a 500.
func (x *exchange) serve(next http.Handler, r *http.Request) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			panic(v)
		default:
			err := fmt.Errorf("panic: %v\n%s", v, debug.Stack())
			if x.status == 0 {
				problem.Write(x, err)
				return
			}
			x.RecordError(problem.Of(err), err)
			x.cut = true
		}
	}()
	next.ServeHTTP(x, r)
	if x.status == 0 {
		x.status = http.StatusOK // net/http sends it when the handler returns
	}
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= http.StatusOK {
		x.status = status
		x.leave()
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
		x.leave()
	}
	before := x.written
	x.written += len(p)
	if before < largeAnswer && x.written >= largeAnswer {
		connection := http.NewResponseController(x.ResponseWriter)
		_ = connection.SetWriteDeadline(time.Now().Add(x.writeLimit)) // only tests have none to set
	}
	return x.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// SetRoute notes the route of the request, as the router writes it. It is a label of metrics, so it
// must not hold anything that a caller chose.
func (x *exchange) SetRoute(route string) { x.route = route }

// RecordError implements problem.Recorder.
func (x *exchange) RecordError(answer *problem.Error, err error) { x.answer, x.err = answer, err }
