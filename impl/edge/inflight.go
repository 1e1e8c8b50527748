package edge

import (
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/problem"
)

// inFlight counts the requests that are being worked on. A request is in flight from the moment
// when its body has arrived until its answer begins, so that slow clients hold no place. Those that
// wait for a processor count too.
type inFlight struct {
	current atomic.Int64
	max     int64
	waiting waiting
}

const (
	// administration is how the paths of administration begin.
	administration = "/api/v1/admin/"
	// administrators is how many requests of administration may be in flight. They have places of
	// their own, so that users can be signed out while a client floods the other operations.
	administrators = 32
)

// shedLoad answers 503 at once if too many requests are in flight. A server that queues them
// answers all of them late, and clients that retry lengthen the queue. Clients wait for 1 to 5
// seconds, not all the same time, or they would come back together. If a client does not wait, its
// next 503 over the same connection comes later.
func shedLoad(next http.Handler, a *admission) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := w.(*exchange)
		f, own := &a.places, strings.HasPrefix(r.URL.Path, administration)
		if own {
			f = &a.administration
		}
		waiting := int64(0)
		// Connections bound the requests that may wait, so few connections need neither the
		// estimate nor the delay.
		if open := x.connection.open; !own && open != nil && open.Load() > f.max {
			now := time.Now()
			waiting = f.waiting.count(now)
			early := x.connection.nextShed.Sub(now)
			if early > 0 && f.current.Load()+waiting >= f.max {
				time.Sleep(early)
				x.shed(a)
				return
			}
		}
		x.readAhead(r)
		if f.current.Add(1)+waiting > f.max {
			f.current.Add(-1)
			x.shed(a)
			return
		}
		x.place = f
		defer x.leave()
		next.ServeHTTP(w, r)
	})
}

// shed answers 503. If the client comes back over the same connection while there is still no
// place, it receives its next 503 after half a second to one and a half. Otherwise a client that
// retries at once would take so much processor time for its 503s that little is left for requests
// with a place.
func (x *exchange) shed(a *admission) {
	a.shed.Inc()
	answer := problem.New(http.StatusServiceUnavailable, "too many requests are in flight")
	answer.RetryAfter = time.Second + rand.N(4*time.Second)
	problem.Write(x, answer)
	x.connection.nextShed = time.Now().Add(time.Second/2 + rand.N(time.Second))
}

// LeaveInFlight gives up the place of a request that only waits.
func (x *exchange) LeaveInFlight() { x.leave() }

// leave gives up the place in flight, if the request has one.
func (x *exchange) leave() {
	if x.place != nil {
		x.place.current.Add(-1)
		x.place = nil
	}
}

// maxAhead is the size of the largest body that is read before a request is in flight: the largest
// that an operation accepts. Larger ones are rejected without being read.
const maxAhead = 16 << 10

// readAhead reads the body of r, and leaves it to the handler to read it again.
func (x *exchange) readAhead(r *http.Request) {
	if r.ContentLength == 0 || r.ContentLength > maxAhead {
		return
	}
	b := &x.body
	b.rest = r.Body
	for b.err == nil && len(b.ahead) <= maxAhead {
		if len(b.ahead) == cap(b.ahead) {
			b.ahead = append(b.ahead, make([]byte, max(len(b.ahead), 1<<10))...)[:len(b.ahead)]
		}
		var n int
		n, b.err = b.rest.Read(b.ahead[len(b.ahead):cap(b.ahead)])
		b.ahead = b.ahead[:len(b.ahead)+n]
	}
	r.Body = b
}

// body is the body of a request, of which a part was read ahead.
type body struct {
	ahead []byte
	at    int   // bytes of ahead that were read
	err   error // behind ahead; nil: rest follows
	rest  io.ReadCloser
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	switch {
	case b.at < len(b.ahead):
		n := copy(p, b.ahead[b.at:])
		if b.at += n; b.at == len(b.ahead) {
			return n, b.err
		}
		return n, nil
	case b.err != nil:
		return 0, b.err
	}
	return b.rest.Read(p)
}

// Close implements io.Closer.
func (b *body) Close() error { return b.rest.Close() }
