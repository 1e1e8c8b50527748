package store

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// groupQueue is how many changes may wait. If more wait, callers are told to try again.
	groupQueue = 1024
	// groupFirst is how many changes may wait that go before the others.
	groupFirst = 128
	// groupMost is how many changes one commit carries at most.
	groupMost = 256
)

var (
	errQueueFull = &fullError{}
	errClosed    = errors.New("the store is closed")
	errTwice     = errors.New("the commit was rolled back twice because of others; try again")
)

// fullError means that too many calls wait for the store.
type fullError struct{}

func (*fullError) Error() string { return "too many calls wait for the store; try again" }

// RetryAfter returns 1 to 4 seconds, by chance: callers that were refused together must not come
// back together.
func (*fullError) RetryAfter() time.Duration { return time.Second + rand.N(3*time.Second) }

// group is a writer that commits together the changes that wait together. A change that waits alone
// is committed at once. Each caller is answered after the commit of its own change.
type group[T any] struct {
	commit      committer[T]
	batches     prometheus.Observer // of their sizes
	first, jobs chan *job[T]
	quitting    chan struct{} // closed by close
	closing     sync.Once
	ended       chan struct{} // closed by the writer
	alone       sync.WaitGroup
}

// committer commits the changes. Without an error all of them are committed, apart from those whose
// err it has set. With an error and a culprit of 0 or more none is committed for certain, and the
// change at that position is the cause. With an error and the culprit -1 the outcome is not known,
// or the cause is no single change.
type committer[T any] func(ctx context.Context, batch []*job[T]) (culprit int, err error)

// job is one change. Either the writer begins it or its caller gives it up.
type job[T any] struct {
	change T
	taken  atomic.Bool
	err    error
	done   chan struct{}
}

func newGroup[T any](
	queue int, batches prometheus.Observer, commit committer[T],
) *group[T] {
	g := &group[T]{
		commit:   commit,
		batches:  batches,
		first:    make(chan *job[T], groupFirst),
		jobs:     make(chan *job[T], queue),
		quitting: make(chan struct{}),
		ended:    make(chan struct{}),
	}
	go g.run()
	return g
}

// close stops the writer after the commit in progress.
func (g *group[T]) close() {
	g.closing.Do(func() { close(g.quitting) })
	<-g.ended
	g.alone.Wait()
}

// do hands a change to the writer, into the queue that goes first or into the other one. It returns
// after the commit. If ctx is done before the change has begun, the change is left out.
func (g *group[T]) do(ctx context.Context, queue chan *job[T], change T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job[T]{change: change, done: make(chan struct{})}
	select {
	case <-g.ended:
		return errClosed
	case queue <- j:
	default:
		return errQueueFull
	}
	select {
	case <-j.done:
		return j.err
	case <-ctx.Done():
		return g.giveUp(j, ctx.Err())
	case <-g.ended:
		return g.giveUp(j, errClosed)
	}
}

// giveUp leaves out a change that has not begun. If it has begun, giveUp waits for its end, because
// it uses variables of the caller.
func (g *group[T]) giveUp(j *job[T], err error) error {
	if !j.taken.Swap(true) {
		return err
	}
	<-j.done
	return j.err
}

func (g *group[T]) run() {
	defer close(g.ended)
	batch := make([]*job[T], 0, groupMost)
	for {
		batch = batch[:0]
		select {
		case <-g.quitting:
			return
		case j := <-g.first:
			batch = append(batch, j)
		case j := <-g.jobs:
			batch = append(batch, j)
		}
		batch = gather(batch, g.first)
		batch = gather(batch, g.jobs)
		if batch = begun(batch); len(batch) > 0 {
			g.batches.Observe(float64(len(batch)))
			g.write(batch)
		}
	}
}

// gather adds the changes that wait in a queue to the batch.
func gather[T any](batch []*job[T], queue <-chan *job[T]) []*job[T] {
	for len(batch) < groupMost {
		select {
		case j := <-queue:
			batch = append(batch, j)
		default:
			return batch
		}
	}
	return batch
}

// begun marks the changes of a batch as begun, without those that were given up.
func begun[T any](batch []*job[T]) []*job[T] {
	kept := batch[:0]
	for _, j := range batch {
		if !j.taken.Swap(true) {
			kept = append(kept, j)
		}
	}
	return kept
}

// write commits the changes together. Callers' contexts are not passed on: cancelling one would
// roll back the whole batch. If one change makes the server roll back, it runs alone, beside the
// writer because it may wait for a lock, and the rest is tried together once more. If the outcome
// of a commit is not known, nothing is tried again: the callers' own retries converge.
func (g *group[T]) write(batch []*job[T]) {
	ctx := context.Background()
	culprit, err := g.commit(ctx, batch)
	if err != nil && culprit >= 0 && len(batch) > 1 {
		failed := batch[culprit]
		g.alone.Go(func() {
			single := []*job[T]{failed}
			_, err := g.commit(ctx, single)
			answer(single, err)
		})
		batch = append(batch[:culprit], batch[culprit+1:]...)
		if culprit, err = g.commit(ctx, batch); err != nil && culprit >= 0 && len(batch) > 1 {
			err = errTwice
		}
	}
	answer(batch, err)
}

func answer[T any](batch []*job[T], err error) {
	for _, j := range batch {
		if err != nil {
			j.err = err
		}
		close(j.done)
	}
}
