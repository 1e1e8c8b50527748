package identity

import (
	"sync"
	"time"
)

// window is the time over which a limiter counts.
const window = time.Minute

// limiter bounds the number of sessions that are revoked or logged out within a minute. A session
// that comes again counts once.
type limiter struct {
	most int

	mu     sync.Mutex
	order  []counted // the oldest first
	counts map[string]bool
}

// counted is a session and the time at which it was counted.
type counted struct {
	session string
	at      time.Time
}

// allow reports whether the session may be revoked or logged out now.
func (l *limiter) allow(session string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.order) > 0 && now.Sub(l.order[0].at) >= window {
		delete(l.counts, l.order[0].session)
		l.order = l.order[1:]
	}
	switch {
	case l.counts[session]:
		return true
	case len(l.order) >= l.most:
		return false
	case l.counts == nil:
		l.counts = map[string]bool{}
	}
	l.counts[session] = true
	l.order = append(l.order, counted{session, now})
	return true
}
