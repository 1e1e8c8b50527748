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
// way, and its outcome is for all who wait.
type remote struct {
	url    string
	client *http.Client
	use    func([]byte) error
	now    func() time.Time
	log    *slog.Logger
	pace   *pace

	asked chan struct{} // wakes run; has room for one
	mu    sync.Mutex
	last  *question
}

// question is one attempt at the issuer's keys. err is set before over is closed.
type question struct {
	began time.Time
	over  chan struct{}
	err   error
}

func (q *question) isOver() bool {
	select {
	case <-q.over:
		return true
	default:
		return false
	}
}

func newRemote(s *Source) (*remote, error) {
	client, err := newClient(s.c.Issuer)
	if err != nil {
		return nil, err
	}
	return &remote{
		url: s.c.Issuer, client: client, use: s.parseTheirs, now: s.c.Now, log: s.c.Log, pace: &s.pace,
		asked: make(chan struct{}, 1),
		// The first question is open from the start: whoever comes early waits for its answer.
		last: &question{began: s.c.Now(), over: make(chan struct{})},
	}, nil
}

func (r *remote) run(ctx context.Context) {
	for {
		wait := r.pace.refresh
		if r.answer(ctx) != nil {
			wait = r.pace.retry
		}
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
		case <-time.After(wait):
		}
	}
}

// answer asks the issuer, for the open question or for a new one.
func (r *remote) answer(ctx context.Context) error {
	q, _ := r.open(0)
	err := r.fetch(ctx)
	if err != nil && ctx.Err() == nil {
		r.log.Error("the issuer's keys could not be fetched: those known stay in use", "url", r.url, "error", err)
	}
	q.err = err
	close(q.over)
	return err
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

// open returns the last question. If that is over, and began at least cooldown ago, it opens a new one.
func (r *remote) open(cooldown time.Duration) (_ *question, opened bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if !r.last.isOver() || now.Sub(r.last.began) < cooldown {
		return r.last, false
	}
	r.last = &question{began: now, over: make(chan struct{})}
	return r.last, true
}

// ask makes run ask the issuer soon.
func (r *remote) ask() {
	select {
	case r.asked <- struct{}{}:
	default:
	}
}

// fresh returns nil when the keys were fetched within the cooldown, and else fetches them.
func (r *remote) fresh(ctx context.Context) error {
	q, opened := r.open(r.pace.cooldown)
	if opened {
		r.ask()
	}
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
