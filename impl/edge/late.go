package edge

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Late is a handler that is replaced while the server starts.
type Late struct {
	first   http.Handler
	until   time.Time
	set     chan struct{}
	current atomic.Pointer[http.Handler] // nil until Set
}

// NewLate returns a Late that answers with first until Set is called. Requests of the first moments
// wait for Set, at most until patience has passed: a proxy without health checks sends requests to
// a server as soon as its port is open, and a start mostly takes less time than a client's retry.
func NewLate(first http.Handler, patience time.Duration) *Late {
	return &Late{first: first, until: time.Now().Add(patience), set: make(chan struct{})}
}

// Set makes next answer all requests from now on. It must be called once at most.
func (l *Late) Set(next http.Handler) {
	l.current.Store(&next)
	close(l.set)
}

// ServeHTTP implements http.Handler.
func (l *Late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.current.Load() == nil {
		now := time.Now()
		patience := time.NewTimer(l.until.Sub(now))
		defer patience.Stop()
		select {
		case <-l.set:
		case <-patience.C:
		case <-r.Context().Done():
		}
	}
	if next := l.current.Load(); next != nil {
		(*next).ServeHTTP(w, r)
		return
	}
	l.first.ServeHTTP(w, r)
}
