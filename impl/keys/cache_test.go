package keys_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
)

// cache is an HTTP cache before an issuer that ignores the no-cache of a request, as nginx does.
type cache struct {
	clock   *clock
	maxAge  time.Duration
	current []byte // the issuer's set
	kept    []byte
	until   time.Time
	asked   http.Header
}

func (c *cache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.asked = r.Header.Clone()
	if !c.clock.now().Before(c.until) {
		c.kept, c.until = c.current, c.clock.now().Add(c.maxAge)
	}
	w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(c.maxAge.Seconds())))
	_, _ = w.Write(c.kept)
}

func publicSet(t *testing.T, all ...*jwk.Key) []byte {
	data, err := newSet(t, all...).MarshalPublic(newClock().now())
	return must(t, data, err)
}

// TestCacheBeforeAnIssuer: a key that the login has just added is never answered as unknown while a
// cache may hide it, and an invented one is unknown in the end.
func TestCacheBeforeAnIssuer(t *testing.T) {
	clock := newClock()
	old, added := newKey(t, "EdDSA", "old"), newKey(t, "EdDSA", "added")
	c := &cache{clock: clock, maxAge: 8 * time.Second, current: publicSet(t, old)}
	i := newIssuer(t, newSet(t, old))
	i.serve(c.ServeHTTP)
	s := running(t, besideIssuer(t, i.URL, clock.now, new(journal).logger()))
	eventually(t, "the issuer's keys", func() bool { return s.Ready() == nil })
	clock.move(7 * time.Second)
	c.current = publicSet(t, old, added)
	refetch := func(id string, want error) {
		t.Helper()
		if err := s.Refetch(t.Context(), id, "EdDSA"); !errors.Is(err, want) ||
			want == nil && err != nil {
			t.Fatalf("%s: got %v, want %v", id, err, want)
		}
	}
	refetch("added", keys.ErrUnavailable)
	clock.move(time.Second)
	refetch("added", nil)
	if !known(s, "added") {
		t.Fatal("the key is not found after the cache let go")
	}
	refetch("invented", keys.ErrUnavailable)
	clock.move(7 * time.Second)
	refetch("invented", keys.ErrUnavailable)
	refetch("another", keys.ErrUnavailable)
	clock.move(time.Second)
	refetch("invented", nil)
	refetch("another", keys.ErrUnavailable)
	if got := c.asked.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("asked with Cache-Control %q", got)
	}
}

// TestRetryAfterOfACache: the error says when to try again.
func TestRetryAfterOfACache(t *testing.T) {
	clock := newClock()
	key := newKey(t, "EdDSA", "key")
	i := newIssuer(t, newSet(t, key))
	for cacheControl, want := range map[string]time.Duration{
		"max-age=3":  3 * time.Second,
		"max-age=60": 5 * time.Second,
	} {
		i.serve(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Cache-Control", cacheControl)
			_, _ = w.Write(publicSet(t, key))
		})
		s := running(t, besideIssuer(t, i.URL, clock.now, new(journal).logger()))
		err := s.Refetch(t.Context(), "invented", "EdDSA")
		timed, ok := errors.AsType[interface {
			error
			RetryAfter() time.Duration
		}](err)
		if !ok || timed.RetryAfter() != want {
			t.Errorf("%s: got %v, want a retry after %s", cacheControl, err, want)
		}
	}
}

// TestManyInventedKeys: key IDs that a client invents take bounded memory, and none of them hides
// another.
func TestManyInventedKeys(t *testing.T) {
	clock := newClock()
	key := newKey(t, "EdDSA", "key")
	i := newIssuer(t, newSet(t, key))
	i.serve(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Cache-Control", "max-age=86400")
		_, _ = w.Write(publicSet(t, key))
	})
	s := running(t, besideIssuer(t, i.URL, clock.now, new(journal).logger()))
	for n := range 3000 {
		if err := s.Refetch(t.Context(), fmt.Sprint("invented", n), "EdDSA"); !errors.Is(
			err,
			keys.ErrUnavailable,
		) {
			t.Fatalf("%d: got %v", n, err)
		}
		if remembered := s.Doubts(); remembered > 1024 {
			t.Fatalf("%d key IDs are remembered", remembered)
		}
	}
	clock.move(5 * time.Minute)
	if err := s.Refetch(t.Context(), "invented2999", "EdDSA"); err != nil {
		t.Errorf("after the longest time: %v", err)
	}
}

// TestTokensOfNoIssuer: a token that no key of an issuer can verify does not make the server ask
// it.
func TestTokensOfNoIssuer(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	s, err := keys.New(besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
	must(t, s, err)
	for _, token := range []struct{ id, alg string }{
		{"", "EdDSA"}, {"", "HS256"}, {"invented", "HS256"}, {"invented", "HS512"},
		{"ours", "HS256"},
	} {
		if err := s.Refetch(t.Context(), token.id, token.alg); err != nil {
			t.Errorf("%+v: %v", token, err)
		}
	}
	if n := i.asked.Load(); n != 0 {
		t.Errorf("the issuer was asked %d times", n)
	}
}

// TestFailuresAreLoggedSeldom: invented key IDs do not fill the disk while the issuer is
// unavailable.
func TestFailuresAreLoggedSeldom(t *testing.T) {
	clock := newClock()
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	good := *i.answer.Load()
	i.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	var log journal
	s, err := keys.New(besideIssuer(t, i.URL, clock.now, log.logger()))
	must(t, s, err)
	s.Hasten(time.Hour, time.Hour, patience, patience)
	fetch := func(want int) {
		t.Helper()
		for range 10 {
			if s.Once(t.Context()) == nil {
				t.Fatal("no error")
			}
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != want {
			t.Fatalf("%d lines, want %d: %s", n, want, log.String())
		}
	}
	fetch(1)
	clock.move(59 * time.Second)
	fetch(1)
	clock.move(time.Second)
	fetch(2)
	i.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) })
	fetch(3)
	i.serve(good)
	for range 2 {
		must(t, s, s.Once(t.Context()))
		if n := strings.Count(log.String(), "are fetched again"); n != 1 {
			t.Errorf("%d lines about the recovery: %s", n, log.String())
		}
	}
}
