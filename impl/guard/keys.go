package guard

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

const (
	// keysEvery is how often the public keys are read. A new key is published an hour before it signs.
	keysEvery = 5 * time.Minute
	// keysAfter is how long after a reading a token with an unknown key causes the next one.
	keysAfter = 10 * time.Second
	maxKeys   = 1 << 20 // bytes of the answer
)

// publicKeys is a jwk.Source of the public keys of the server.
type publicKeys struct {
	c       Config
	current atomic.Pointer[jwk.Set]

	mu     sync.Mutex
	read   time.Duration // when the keys were read last, on the monotonic clock
	failed bool          // the last reading failed
}

func newPublicKeys(c Config) *publicKeys { return &publicKeys{c: c} }

// Keys implements jwk.Source.
func (k *publicKeys) Keys() *jwk.Set { return k.current.Load() }

func (k *publicKeys) known() bool { return k.current.Load() != nil }

// run reads the keys until ctx ends.
func (k *publicKeys) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause := keysEvery
		k.mu.Lock()
		err := k.fetch(ctx)
		k.mu.Unlock()
		if err != nil {
			pause = lastPause
			if k.known() {
				pause = keysAfter
			}
			if ctx.Err() == nil {
				k.c.Log.Warn("guard: the public keys cannot be read", "error", err)
			}
		}
		k.c.sleep(ctx, pause)
	}
}

// refetch reads the keys because a token names an unknown one, unless they were read a moment ago. It
// returns errNoKeys if the last reading failed: the key may be a new one.
func (k *publicKeys) refetch(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.c.Clock.Now().Mono-k.read >= keysAfter {
		_ = k.fetch(ctx) // noted in failed
	}
	if k.failed {
		return errNoKeys
	}
	return nil
}

// fetch reads the keys. The caller holds mu.
func (k *publicKeys) fetch(ctx context.Context) (err error) {
	k.read = k.c.Clock.Now().Mono
	defer func() { k.failed = err != nil }()
	ctx, cancel := context.WithTimeout(ctx, k.c.MaxStale)
	defer cancel()
	body, err := k.c.get(ctx, "/.well-known/jwks.json", "", maxKeys)
	if err != nil {
		return err
	}
	set, err := jwk.ParseSet(body, false)
	if err != nil {
		return fmt.Errorf("the public keys: %w; if the server signs with a secret, set Secret", err)
	}
	for _, key := range set.All() {
		if key.Symmetric() || key.CanSign() {
			return errors.New("the public keys have a key that is not public")
		}
	}
	k.current.Store(set)
	return nil
}
