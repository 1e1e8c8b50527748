package edge

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/caller"
)

// connection is the caller.Source in the context of a connection. A connection of HTTP/1 serves one
// request at a time, so the source points to that request, and a request costs no allocation. The
// caller is computed when it is asked for: most requests never ask.
type connection struct {
	current atomic.Pointer[request]
	open    *atomic.Int64 // connections of the port; nil if they are not counted
	// nextShed is the earliest time of the next 503 for too many requests in flight. It has no
	// effect with HTTP/2, where each request has a source of its own.
	nextShed time.Time
}

// request is a request as the edge knows it. It does not change, so a goroutine that outlives the
// request may still read it.
type request struct {
	*http.Request

	id      [1]string // the value of X-Request-Id
	proxies *Proxies
}

// Caller implements caller.Source.
func (c *connection) Caller() caller.Caller {
	if r := c.current.Load(); r != nil {
		return r.caller()
	}
	return caller.Caller{}
}

func (r *request) caller() caller.Caller {
	c := caller.Caller{Address: r.proxies.client(r.Request), RequestID: r.id[0]}
	if trace := r.Header["Traceparent"]; len(trace) == 1 {
		c = c.WithTrace(trace[0])
	}
	return c
}

// enter makes r the current request of its connection, and returns it with that connection in its
// context. Requests of one HTTP/2 connection run at the same time, so each has a source of its own.
func (e *edge) enter(r *http.Request) (*http.Request, *request, *connection) {
	c, ok := caller.SourceOf(r.Context()).(*connection)
	if !ok || r.ProtoMajor != 1 {
		shared := c
		c = new(connection)
		if ok {
			c.open = shared.open
		}
		r = r.WithContext(caller.With(r.Context(), c))
	}
	known := &request{Request: r, id: [1]string{requestID(r)}, proxies: &e.proxies}
	c.current.Store(known)
	return r, known, c
}

// ConnContext is the http.Server.ConnContext with which a request costs the edge no allocation.
// Servers of other programs need not set it. Serve sets one that counts connections too.
func ConnContext(ctx context.Context, _ net.Conn) context.Context {
	return caller.With(ctx, new(connection))
}

// countConnections makes a server count its open connections, and its requests know the number.
func countConnections(s *http.Server) {
	open := new(atomic.Int64)
	s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		return caller.With(ctx, &connection{open: open})
	}
	s.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
}
