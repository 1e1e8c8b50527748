//go:build linux

package main

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// usersService is the user service of a contender. It answers each question after the same time.
type usersService struct {
	url   string
	delay time.Duration

	mu   sync.Mutex
	took []time.Duration // from the question to the answer, in the round under way
}

// withUsers returns refreshd with a user service that takes so long: without rotation, or with
// rotation on a store with a thousand sessions.
func (b *bench) withUsers(ctx context.Context, mode, delay string) (c contender, err error) {
	users := &usersService{}
	if users.delay, err = time.ParseDuration(delay); err != nil {
		return c, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return c, err
	}
	users.url = "http://" + listener.Addr().String() + "/"
	go func() { _ = http.Serve(listener, users) }() //nolint:gosec // it ends with this program
	if mode == rotating {
		c, err = b.rotating(ctx, "sqlite", "1000")
	} else {
		c, err = b.ours(ctx, mode+"-"+delay)
	}
	c.name, c.users = mode+"/"+delay, users
	c.env = append(c.env, "REFRESH_IDENTITY_URL="+users.url)
	return c, err
}

// ServeHTTP answers a question.
func (u *usersService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	asked := time.Now()
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	time.Sleep(u.delay)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"claims":{"is_admin":false,"name":"Real Muchlis"}}`)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.took = append(u.took, time.Since(asked))
}

// reset begins a round.
func (u *usersService) reset() {
	if u == nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.took = u.took[:0]
}

// percentile returns that of the round in microseconds, or 0 if there is no user service.
func (u *usersService) percentile(p float64) float64 {
	if u == nil {
		return 0
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return percentile(slices.Sorted(slices.Values(u.took)), p)
}
