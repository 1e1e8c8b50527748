package keys

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"kalsel.dev/refresh/impl/caller"
)

// intervals are the durations that a Source works with.
type intervals struct {
	poll     time.Duration // between two looks at a file
	refresh  time.Duration // between two regular fetches of the issuer's keys
	retry    time.Duration // the same after a fetch that failed
	cooldown time.Duration // at least, between two fetches; shorter than patience
	patience time.Duration // at most, that a request waits for a fetch
	fetch    time.Duration // at most, that one fetch takes
}

func defaultIntervals() intervals {
	return intervals{
		poll:     time.Second,
		refresh:  5 * time.Minute,
		retry:    15 * time.Second,
		cooldown: time.Second,
		patience: 2 * time.Second,
		fetch:    5 * time.Second,
	}
}

// issuer fetches the keys of a trusted issuer from its URL: regularly, and when a request needs to
// know whether a key exists.
type issuer struct {
	url    string
	client *http.Client
	use    func([]byte) error
	now    func() time.Time
	log    *slog.Logger
	every  *intervals

	flight singleflight.Group // at most one fetch at a time
	begun  atomic.Int64       // number of fetches that have begun
	rested <-chan time.Time   // receives when the cooldown is over; nil before the first fetch
	soon   chan struct{}      // wakes run; has room for one

	// failure is the reason of the last fetch if that failed, and reported the time at which it was
	// logged. Only the one running fetch uses them.
	failure  string
	reported time.Time

	mu     sync.Mutex
	cached time.Duration                   // how long a cache may repeat the last answer
	doubts map[[sha256.Size]byte]time.Time // until when it is open whether a key exists, by its ID
}

func newIssuer(s *Source) (*issuer, error) {
	client, err := newClient(s.c.Issuer)
	if err != nil {
		return nil, err
	}
	return &issuer{
		url:    s.c.Issuer,
		client: client,
		use:    s.useIssuerKeys,
		now:    s.c.Now,
		log:    s.c.Log,
		every:  &s.every,
		soon:   make(chan struct{}, 1),
		doubts: make(map[[sha256.Size]byte]time.Time),
	}, nil
}

// run fetches regularly until ctx ends.
func (i *issuer) run(ctx context.Context) {
	for ctx.Err() == nil {
		wait := i.every.refresh
		if i.fetch(ctx) != nil {
			wait = i.every.retry
		}
		select {
		case <-ctx.Done():
		case <-i.soon:
		case <-time.After(wait):
		}
	}
}

// fetch returns after a fetch that began after the call: an earlier one may have missed a new key.
// All callers that wait share it. It fails if that fetch fails or if ctx ends first.
func (i *issuer) fetch(ctx context.Context) error {
	before := i.begun.Load()
	// The fetch may outlive the request that caused it.
	detached := caller.With(context.WithoutCancel(ctx), caller.Of(ctx))
	once := func() (any, error) { return i.fetchOnce(detached) }
	for {
		select {
		case result := <-i.flight.DoChan("", once):
			if number, ok := result.Val.(int64); ok && number > before {
				return result.Err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// fetchOnce waits for the end of the cooldown, fetches, and returns the number of the fetch. Only
// one call runs at a time.
func (i *issuer) fetchOnce(ctx context.Context) (number int64, err error) {
	if i.rested != nil {
		<-i.rested
	}
	number = i.begun.Add(1)
	defer func() { i.rested = time.After(i.every.cooldown) }()
	ctx, cancel := context.WithTimeout(ctx, i.every.fetch)
	defer cancel()
	data, cached, err := get(ctx, i.client, i.url)
	if err == nil {
		err = i.use(data)
	}
	if err == nil {
		i.mu.Lock()
		i.cached = cached
		i.mu.Unlock()
	}
	i.report(err)
	return number, err
}

// report logs a failed fetch if its reason is new or was logged a minute ago, and the first fetch
// that succeeds again: any client can cause a fetch each second, with an invented key ID.
func (i *issuer) report(err error) {
	if err == nil {
		if i.failure != "" {
			i.log.Info("the issuer's keys are fetched again", "url", i.url)
		}
		i.failure = ""
		return
	}
	if err.Error() != i.failure || i.now().Sub(i.reported) >= time.Minute {
		i.failure, i.reported = err.Error(), i.now()
		i.log.Error("the issuer's keys could not be fetched; the known keys stay in use",
			"url", i.url, "error", err)
	}
}

var errSlow = errors.New("the issuer has not answered yet")

// fetchFor is fetch for a request, which waits no longer than intervals.patience.
func (i *issuer) fetchFor(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, i.every.patience, errSlow)
	defer cancel()
	return i.fetch(ctx)
}

// fetchSoon makes run fetch without waiting.
func (i *issuer) fetchSoon() {
	select {
	case i.soon <- struct{}{}:
	default:
	}
}

const (
	maxDoubt  = 5 * time.Minute // at most, that a cached answer leaves open whether a key exists
	maxDoubts = 1024            // key IDs that are remembered
)

// doubt returns how long it remains open whether the issuer has a key that the last fetch did not
// find: as long as a cache between here and the issuer may repeat an answer that is older than the
// first question about the key.
func (i *issuer) doubt(keyID string) time.Duration {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.cached == 0 {
		return 0
	}
	id := sha256.Sum256([]byte(keyID)) // of any length
	until, known := i.doubts[id]
	if !known {
		if len(i.doubts) >= maxDoubts {
			clear(i.doubts) // tokens with these key IDs are answered 503 for a while longer
		}
		until = i.now().Add(min(i.cached, maxDoubt))
		i.doubts[id] = until
	}
	return until.Sub(i.now())
}

// cachedError is the error while an answer that may come from a cache does not prove that a key is
// unknown.
type cachedError struct{ left time.Duration }

// Error returns the text for the log.
func (e *cachedError) Error() string { return "the issuer's answer may come from a cache" }

// RetryAfter returns when a retry may succeed: the answer of the cache may end sooner than it can.
func (e *cachedError) RetryAfter() time.Duration { return min(e.left, 5*time.Second) }
