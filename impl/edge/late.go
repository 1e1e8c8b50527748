package edge

import (
	"net/http"
	"sync/atomic"
)

// Late is a handler that is replaced while the server starts.
type Late struct{ current atomic.Pointer[http.Handler] }

// NewLate returns a Late that answers with first until Set is called.
func NewLate(first http.Handler) *Late {
	l := &Late{}
	l.Set(first)
	return l
}

// Set makes next answer all requests from now on.
func (l *Late) Set(next http.Handler) { l.current.Store(&next) }

// ServeHTTP implements http.Handler.
func (l *Late) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	(*l.current.Load()).ServeHTTP(w, r)
}
