package edge

import (
	"encoding/binary"
	"hash/maphash"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/problem"
)

// RateLimit bounds the requests of one client address. The zero value is no limit.
type RateLimit struct {
	PerSecond float64
	// Burst is how many requests a client that was silent may send at once; at least 1.
	Burst int
}

// unlimited are the paths of calls by APIs and gateways, which send requests for all of their users
// from a few addresses. They authenticate themselves.
func unlimited(path string) bool {
	for _, prefix := range []string{
		"/api/v1/authenticate", "/api/v1/revocations", "/oauth2/introspect",
	} {
		if strings.HasPrefix(path, prefix) {
			return true
		}
	}
	return false
}

const (
	buckets     = 1 << 17 // of the table of clients: 16 MiB in all
	bucketSlots = 8
	bucketLocks = 256
)

// limiter is the generic cell rate algorithm (GCRA) for up to 2^20 clients. A client's state is one
// time, so that a client costs 16 bytes; a token bucket of golang.org/x/time/rate in a map costs
// fifteen times as much. The table is divided into buckets. A new client in a full bucket takes the
// place of the client whose allowance is the fullest, which is mostly the oldest one.
type limiter struct {
	interval, tolerance int64 // nanoseconds: between requests, and ahead of the steady rate
	began               time.Time
	seed                maphash.Seed // so that no client can choose its bucket
	locks               [bucketLocks]sync.Mutex
	table               [][bucketSlots]slot
	limited             prometheus.Counter
}

// slot is one client, or empty if due is 0.
type slot struct {
	client uint64
	due    int64 // nanoseconds after began: when the client's allowance will be full again
}

func newLimiter(l RateLimit, limited prometheus.Counter) *limiter {
	interval := int64(float64(time.Second) / l.PerSecond)
	return &limiter{
		interval:  max(interval, 1),
		tolerance: interval * int64(l.Burst-1),
		began:     time.Now(),
		seed:      maphash.MakeSeed(),
		table:     make([][bucketSlots]slot, buckets),
		limited:   limited,
	}
}

// wait returns 0 if the client may send a request now, and otherwise the time until it may.
func (l *limiter) wait(address netip.Addr, now time.Time) time.Duration {
	client := network(address)
	at := maphash.Comparable(l.seed, client) % buckets
	lock := &l.locks[at%bucketLocks]
	lock.Lock()
	defer lock.Unlock()
	bucket := &l.table[at]
	found := &bucket[0]
	for i := range bucket {
		if s := &bucket[i]; s.due != 0 && s.client == client {
			found = s
			break
		} else if s.due < found.due {
			found = s
		}
	}
	if found.client != client {
		*found = slot{client: client}
	}
	elapsed := int64(now.Sub(l.began)) + 1
	due := max(found.due, elapsed)
	if ahead := due - elapsed; ahead > l.tolerance {
		return time.Duration(ahead - l.tolerance)
	}
	found.due = due + l.interval
	return 0
}

// network returns the number of a client: an IPv4 address, or the /64 of an IPv6 address, because
// one subscriber has all addresses of a /64. No /64 in use has the number of an IPv4 address: its
// first 32 bits would be zero.
func network(a netip.Addr) uint64 {
	if a.Is4() {
		four := a.As4()
		return uint64(binary.BigEndian.Uint32(four[:]))
	}
	sixteen := a.As16()
	return binary.BigEndian.Uint64(sixteen[:8])
}

// limitRate answers 429 to clients that send more requests than the limit allows.
func (e *edge) limitRate(next http.Handler, l *limiter) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !unlimited(r.URL.Path) {
			if wait := l.wait(e.proxies.client(r), time.Now()); wait > 0 {
				l.limited.Inc()
				answer := problem.New(http.StatusTooManyRequests, "too many requests from this address")
				answer.RetryAfter = wait
				problem.Write(w, answer)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
