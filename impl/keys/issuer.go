package keys

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

var errSlow = errors.New("the issuer has not answered yet")

// remote asks an issuer for its keys: now and then, and when somebody needs to know. There is never more than one question under
// way, and its outcome is for all who came before it began.
type remote struct {
	url    string
	client *http.Client
	use    func([]byte) error
	log    *slog.Logger
	pace   *pace

	asked chan struct{} // wakes run; has room for one
	mu    sync.Mutex
	next  *question // not begun
}

// question is one attempt at the issuer's keys. err is set before over is closed.
type question struct {
	over chan struct{}
	err  error
}

func newQuestion() *question { return &question{over: make(chan struct{})} }

func newRemote(s *Source) (*remote, error) {
	client, err := newClient(s.c.Issuer)
	if err != nil {
		return nil, err
	}
	return &remote{
		url: s.c.Issuer, client: client, use: s.parseTheirs, log: s.c.Log, pace: &s.pace,
		asked: make(chan struct{}, 1), next: newQuestion(),
	}, nil
}

func (r *remote) run(ctx context.Context) {
	for {
		wait := r.pace.refresh
		if r.answer(ctx) != nil {
			wait = r.pace.retry
		}
		cooldown := time.After(r.pace.cooldown)
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
		case <-time.After(wait):
		}
		select {
		case <-ctx.Done():
			return
		case <-cooldown:
		}
	}
}

// answer asks the issuer the next question. Whoever comes from now on waits for the one after it: a key may be made at any moment.
func (r *remote) answer(ctx context.Context) error {
	q := r.begin()
	defer close(q.over)
	if q.err = r.fetch(ctx); q.err != nil && ctx.Err() == nil {
		r.log.Error("the issuer's keys could not be fetched: those known stay in use", "url", r.url, "error", q.err)
	}
	return q.err
}

func (r *remote) begin() *question {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case <-r.asked: // by those who wait for this question
	default:
	}
	q := r.next
	r.next = newQuestion()
	return q
}

func (r *remote) fetch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, r.pace.fetch)
	defer cancel()
	data, err := get(ctx, r.client, r.url)
	if err != nil {
		return err
	}
	return r.use(data)
}

// ask makes run ask the issuer soon, and returns the question.
func (r *remote) ask() *question {
	r.mu.Lock()
	defer r.mu.Unlock()
	select {
	case r.asked <- struct{}{}:
	default:
	}
	return r.next
}

// fresh returns nil once the issuer has given its keys: what it gave before may be out of date.
func (r *remote) fresh(ctx context.Context) error {
	q := r.ask()
	patience := time.NewTimer(r.pace.patience)
	defer patience.Stop()
	select {
	case <-q.over:
		return q.err
	case <-patience.C:
		return errSlow
	case <-ctx.Done():
		return ctx.Err()
	}
}
