package keys_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/tests/logs"
)

// patience is the time after which a test gives up waiting for an event. It decides nothing else.
const patience = 30 * time.Second

func must[T any](tb testing.TB, v T, err error) T {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func newKey(tb testing.TB, algorithm, id string) *jwk.Key {
	key, err := jwk.GenerateKey(algorithm, id)
	return must(tb, key, err)
}

func newSet(tb testing.TB, all ...*jwk.Key) *jwk.Set {
	set, err := jwk.NewSet(all...)
	return must(tb, set, err)
}

// file writes a set as refreshd keys would, under a new name.
func file(tb testing.TB, set *jwk.Set) string {
	path := filepath.Join(tb.TempDir(), "keys.json")
	write(tb, path, set)
	return path
}

func write(tb testing.TB, path string, set *jwk.Set) {
	data, err := set.MarshalPrivate()
	writeText(tb, path, must(tb, string(data), err))
}

func writeText(tb testing.TB, path, text string) {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
}

// ids are the IDs of a set's keys in order.
func ids(set *jwk.Set) string {
	var all []string
	for _, key := range set.All() {
		all = append(all, key.ID())
	}
	return strings.Join(all, " ")
}

// journal is a log that a test can read while it is written.
type journal struct{ logs.Log }

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// clock is a time that stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Unix(1_611_000_000, 0)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func eventually(tb testing.TB, what string, happened func() bool) {
	tb.Helper()
	for end := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatal("gave up waiting for:", what)
		}
	}
}

// running starts a Source that looks at its files every few milliseconds.
func running(tb testing.TB, c keys.Config) *keys.Source {
	s, err := keys.New(c)
	must(tb, s, err)
	s.Hasten(2*time.Millisecond, 20*time.Millisecond, patience, patience)
	runs(tb, s)
	return s
}

// runs runs a Source for as long as the test.
func runs(tb testing.TB, s *keys.Source) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(ctx)
	}()
	tb.Cleanup(func() {
		cancel()
		<-done
	})
}

// unexpired looks at a token's exp alone.
func unexpired(raw string, now time.Time) bool {
	claims, err := base64.RawURLEncoding.DecodeString(strings.Split(raw, ".")[1])
	var c struct{ Exp int64 }
	return err == nil && json.Unmarshal(claims, &c) == nil && now.Unix() < c.Exp
}
