package identity

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/session"
)

// controlled are calls whose answers the test gives. Each answer is the number of its call.
type controlled struct {
	calls

	begun   atomic.Int64
	stopped atomic.Int64
	answers chan struct{}
	id      atomic.Value // the request ID of the last call
}

func newControlled(most int) *controlled {
	c := &controlled{answers: make(chan struct{})}
	c.most = most
	c.perform = func(ctx context.Context, _ session.UserQuestion) (answer, error) {
		number := c.begun.Add(1)
		c.id.Store(caller.Of(ctx).RequestID)
		select {
		case <-c.answers:
			return answer{claims: []byte(strconv.FormatInt(number, 10))}, nil
		case <-ctx.Done():
			c.stopped.Add(1)
			return answer{}, ctx.Err()
		}
	}
	return c
}

// start asks in the background.
func (c *controlled) start(ctx context.Context, q session.UserQuestion) <-chan string {
	got := make(chan string, 1)
	go func() {
		a, err := c.ask(ctx, q)
		if err != nil {
			got <- err.Error()
			return
		}
		got <- string(a.claims)
	}()
	synctest.Wait()
	return got
}

// TestCallsAreShared: equal questions that arrive during a call share the next one, which begins
// later than they arrived. A question that differs in anything has a call of its own.
func TestCallsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, q := newControlled(10), session.UserQuestion{Identity: "a", Session: "s", Claims: "{}"}
		first := c.start(t.Context(), q)
		second, third := c.start(t.Context(), q), c.start(t.Context(), q)
		if n := c.begun.Load(); n != 1 {
			t.Fatalf("%d calls have begun", n)
		}
		c.answers <- struct{}{}
		if got := <-first; got != "1" {
			t.Errorf("the first question got %s", got)
		}
		synctest.Wait()
		if n := c.begun.Load(); n != 2 || c.inFlight() != 1 {
			t.Fatalf("%d calls have begun, %d run", n, c.inFlight())
		}
		c.answers <- struct{}{}
		if a, b := <-second, <-third; a != "2" || b != "2" {
			t.Errorf("the others got %s and %s", a, b)
		}
		for _, other := range []session.UserQuestion{
			{Identity: "b", Session: "s", Claims: "{}"},
			{Identity: "a", Session: "r", Claims: "{}"},
			{Identity: "a", Session: "s", Claims: `{"a":1}`},
			q,
		} {
			defer func(got <-chan string) { <-got }(c.start(t.Context(), other))
		}
		if n := c.begun.Load(); n != 6 {
			t.Errorf("%d calls have begun, want 6", n)
		}
		close(c.answers)
	})
}

// TestCallsInFlight: more calls than allowed fail at once, also a call that others wait for.
func TestCallsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newControlled(2)
		question := func(name string) session.UserQuestion {
			return session.UserQuestion{Identity: name}
		}
		a, b := c.start(t.Context(), question("a")), c.start(t.Context(), question("b"))
		_, err := c.ask(t.Context(), question("c"))
		if f, ok := errors.AsType[*failure](err); !ok || f.reason != busy {
			t.Errorf("got %v", err)
		}
		again := c.start(t.Context(), question("a"))
		close(c.answers)
		for _, got := range []<-chan string{a, b, again} {
			if text := <-got; len(text) != 1 {
				t.Errorf("got %s", text)
			}
		}
		synctest.Wait()
		if c.inFlight() != 0 || len(c.running) != 0 {
			t.Errorf("%d calls run", c.inFlight())
		}
	})
}

// TestCallsAreAbandoned: a call ends when no question waits for it, and only then.
func TestCallsAreAbandoned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, q := newControlled(10), session.UserQuestion{Identity: "a"}
		gone := func() (context.Context, context.CancelFunc) {
			return context.WithCancel(t.Context())
		}
		hangUpFirst, first := gone()
		hangUpSecond, second := gone()
		hangUpThird, third := gone()
		one := c.start(hangUpFirst, q)
		two, three := c.start(hangUpSecond, q), c.start(hangUpThird, q)
		second()
		synctest.Wait()
		if c.stopped.Load() != 0 || <-two != context.Canceled.Error() {
			t.Error("a call was stopped for another asker, or the asker waits")
		}
		first()
		synctest.Wait()
		if <-one != context.Canceled.Error() || c.stopped.Load() != 1 || c.begun.Load() != 2 {
			t.Errorf("%d calls stopped, %d begun", c.stopped.Load(), c.begun.Load())
		}
		hangUpFourth, fourth := gone()
		four := c.start(hangUpFourth, q)
		fourth()
		synctest.Wait()
		third()
		synctest.Wait()
		if <-three != context.Canceled.Error() || <-four != context.Canceled.Error() ||
			c.begun.Load() != 2 || c.inFlight() != 0 {
			t.Errorf("%d calls begun: the one that nobody waits for has begun", c.begun.Load())
		}
	})
}

// connection is the source of the request that it serves now, as the edge's connections are.
type connection struct{ id string }

func (c *connection) Caller() caller.Caller { return caller.Caller{RequestID: c.id} }

// TestCallOutlivesItsRequest: a call that begins after its first client has hung up has the ID of
// that client's request, though the connection serves another one.
func TestCallOutlivesItsRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, q := newControlled(10), session.UserQuestion{Identity: "a"}
		running := c.start(t.Context(), q)
		reused := &connection{"first"}
		hangUp, first := context.WithCancel(caller.With(t.Context(), reused))
		one, two := c.start(hangUp, q), c.start(t.Context(), q)
		first()
		<-one
		reused.id = "second"
		c.answers <- struct{}{}
		<-running
		synctest.Wait()
		if id := c.id.Load(); id != "first" {
			t.Errorf("the call has the request ID %q", id)
		}
		c.answers <- struct{}{}
		<-two
	})
}

func TestLimiter(t *testing.T) {
	l, now := limiter{most: 2}, time.Unix(1_700_000_000, 0)
	for i, step := range []struct {
		session string
		after   time.Duration
		want    bool
	}{
		{"a", 0, true},
		{"a", time.Second, true},
		{"b", 30 * time.Second, true},
		{"c", 0, false},
		{"a", 0, true},
		{"c", 28*time.Second + 999*time.Millisecond, false},
		{"c", time.Millisecond, true}, // a minute after a
		{"a", 0, false},
		{"b", 0, true},
		{"a", 31 * time.Second, true}, // a minute after b
		{"b", 0, false},
	} {
		now = now.Add(step.after)
		if got := l.allow(step.session, now); got != step.want {
			t.Errorf("step %d: %s allowed %t", i, step.session, got)
		}
	}
}
