//go:build linux

package chaos

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
	"kalsel.dev/refresh/tests/deploy"
)

const year = 365 * 24 * time.Hour

// node is a server's insides in this process, with a clock of its own.
type node struct {
	*session.Service
	clock *clock
}

// clock can be moved, and held: a machine that is suspended. While it is held, whoever looks at it waits.
type clock struct {
	session.Clock
	mu         sync.Mutex
	asleep     chan struct{} // nil, or closed when the machine wakes
	mono, wall time.Duration // added to the machine's
}

func (c *clock) Now() session.Instant {
	for {
		c.mu.Lock()
		if c.asleep == nil {
			break
		}
		asleep := c.asleep
		c.mu.Unlock()
		<-asleep
	}
	defer c.mu.Unlock()
	now := c.Clock.Now()
	return session.Instant{Mono: now.Mono + c.mono, Wall: now.Wall + int64(c.wall)}
}

func (c *clock) time() time.Time { return time.Unix(0, c.Now().Wall) }

// set moves the wall clock, as an operator or a time server does.
func (c *clock) set(by time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.wall += by
}

// suspend holds the machine for so long: its monotonic clock stands still.
func (c *clock) suspend(d time.Duration) {
	asleep := make(chan struct{})
	c.mu.Lock()
	c.asleep = asleep
	c.mu.Unlock()
	time.Sleep(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mono -= d
	c.asleep = nil
	close(asleep)
}

func secretKeys(t *testing.T) *token.KeySet {
	t.Helper()
	keys, err := token.SecretKeySet([]byte(deploy.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func openStore(t *testing.T, url string) *store.Store {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// dial is a clock that also tells the time of tokens.
type dial interface {
	session.Clock
	time() time.Time
}

func newService(keys token.KeySource, db session.Store, c dial) *session.Service {
	return session.New(session.Config{
		Keys: keys, Rules: token.Rules{MaxLifetime: year}, Store: db, Log: slog.New(slog.DiscardHandler), Now: c.time, Clock: c,
	})
}

// newNode runs a node on a store until the test ends or stop is called.
func newNode(t *testing.T, keys token.KeySource, db session.Store, c *clock) (n *node, stop func()) {
	t.Helper()
	n = &node{clock: c, Service: newService(keys, db, c)}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.Run(ctx)
	}()
	stop = sync.OnceFunc(func() {
		cancel()
		<-done
	})
	t.Cleanup(stop)
	return n, stop
}

// verdict is what a refresh comes to.
func (n *node) verdict(raw string) error {
	_, err := n.Refresh(context.Background(), raw, 10*time.Minute)
	return err
}

func (n *node) accepts(raw string) bool { return n.verdict(raw) == nil }

func (n *node) refuses(raw string) bool { return errors.Is(n.verdict(raw), session.ErrRevoked) }
