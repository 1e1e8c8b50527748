package identity

import (
	"context"
	"sync"

	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/session"
)

// calls shares the answer of one call among equal questions. A call is shared only if it began
// after the question arrived: an older answer could miss a change that the asker knows of.
type calls struct {
	perform func(context.Context, session.UserQuestion) (answer, error)
	most    int // calls at a time

	mu      sync.Mutex
	running map[session.UserQuestion]*call
	number  int // of running calls
}

// call is one call that runs or will run.
type call struct {
	question session.UserQuestion
	ctx      context.Context //nolint:containedctx // of the first asker, without its end
	cancel   context.CancelFunc
	askers   int
	done     chan struct{}
	next     *call // begins when this one is done; nil: no equal question has arrived meanwhile

	answer answer // valid when done is closed
	err    error
}

// ask returns the answer to a question. It returns early if ctx ends; the call goes on for others.
func (c *calls) ask(ctx context.Context, q session.UserQuestion) (answer, error) {
	one := c.join(ctx, q)
	select {
	case <-one.done:
		return one.answer, one.err
	case <-ctx.Done():
		c.leave(one)
		return answer{}, ctx.Err()
	}
}

// join returns the call that answers the question: the next one if there is a call already, else a
// new one.
func (c *calls) join(ctx context.Context, q session.UserQuestion) *call {
	c.mu.Lock()
	defer c.mu.Unlock()
	current := c.running[q]
	if current != nil && current.next != nil {
		current.next.askers++
		return current.next
	}
	one := &call{question: q, askers: 1, done: make(chan struct{})}
	// The call may outlive the request that it is begun for, and with it the source of its caller.
	detached := caller.With(context.WithoutCancel(ctx), caller.Of(ctx))
	one.ctx, one.cancel = context.WithCancel(detached)
	if current != nil {
		current.next = one
		return one
	}
	c.begin(one)
	return one
}

// leave cancels a call if its last question is given up.
func (c *calls) leave(one *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if one.askers--; one.askers > 0 {
		return
	}
	one.cancel()
	if current := c.running[one.question]; current != nil && current.next == one {
		current.next = nil
	}
}

// begin starts a call. The caller holds the lock.
func (c *calls) begin(one *call) {
	if c.number >= c.most {
		one.err = &failure{reason: busy, text: "too many calls wait for their answers"}
		one.cancel()
		close(one.done)
		return
	}
	c.number++
	if c.running == nil {
		c.running = map[session.UserQuestion]*call{}
	}
	c.running[one.question] = one
	go c.run(one)
}

// run performs a call, and begins the next one for the questions that came meanwhile.
func (c *calls) run(one *call) {
	one.answer, one.err = c.perform(one.ctx, one.question)
	one.cancel()
	c.mu.Lock()
	defer c.mu.Unlock()
	close(one.done)
	c.number--
	delete(c.running, one.question)
	if one.next != nil {
		c.begin(one.next)
	}
}

// inFlight returns the number of running calls.
func (c *calls) inFlight() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.number
}
