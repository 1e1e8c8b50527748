package keys_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/keys"
)

func TestIssuerMayRedirectWithinItself(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	good := *i.answer.Load()
	i.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/keys" {
			http.Redirect(w, r, "/keys", http.StatusFound)
			return
		}
		good(w, r)
	})
	s := running(t, besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
	eventually(t, "the issuer's keys", func() bool { return known(s, "theirs") })
}

// TestUnknownKeyIsLookedFor: a key that the issuer has just made is found at once, however recently
// it was asked for another one.
func TestUnknownKeyIsLookedFor(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	s := running(t, besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
	eventually(t, "the issuer's keys", func() bool { return s.Ready() == nil })
	for _, id := range []string{"first", "second", "third"} {
		if err := s.Refetch(t.Context(), id, "EdDSA"); err != nil || known(s, id) {
			t.Fatal("an invented key:", err)
		}
		i.publish(t, newSet(t, newKey(t, "EdDSA", id)))
		if err := s.Refetch(t.Context(), id, "EdDSA"); err != nil || !known(s, id) {
			t.Fatal("the new key is not found:", err)
		}
	}
}

// TestIssuerIsLeftInPeace: random IDs ask it no more often than is allowed, and are not judged
// before.
func TestIssuerIsLeftInPeace(t *testing.T) {
	const cooldown = 50 * time.Millisecond
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	s, err := keys.New(besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
	must(t, s, err)
	s.Hasten(time.Hour, time.Hour, patience, patience)
	s.Cool(cooldown)
	start := time.Now()
	runs(t, s)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for range 5 {
				if err := s.Refetch(t.Context(), "invented", "EdDSA"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	asked, most := i.asked.Load(), int64(time.Since(start)/cooldown)+1
	if asked < 5 || asked > most {
		t.Errorf("asked %d times, at most %d are allowed", asked, most)
	}
}

// TestSlowIssuer: an issuer that does not answer delays no request for long, and costs one
// connection.
func TestSlowIssuer(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	good := *i.answer.Load()
	hang := make(chan struct{})
	var once sync.Once
	release := func() { once.Do(func() { close(hang) }) }
	defer release()
	i.serve(func(w http.ResponseWriter, r *http.Request) {
		<-hang
		good(w, r)
	})
	s, err := keys.New(besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
	must(t, s, err)
	s.Hasten(time.Hour, time.Hour, time.Millisecond, patience)
	runs(t, s)
	eventually(t, "the question", func() bool { return i.asked.Load() == 1 })
	for range 20 {
		if err := s.Refetch(t.Context(), "invented", "EdDSA"); !errors.Is(
			err,
			keys.ErrUnavailable,
		) {
			t.Fatalf("got %v", err)
		}
	}
	if n := i.asked.Load(); n != 1 {
		t.Errorf("asked %d times at once", n)
	}
	release()
	eventually(t, "the issuer's keys", func() bool { return s.Ready() == nil })
}

// TestFetchIsCutOff: an issuer that never answers is given up.
func TestFetchIsCutOff(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	i.serve(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s, err := keys.New(besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
	must(t, s, err)
	s.Hasten(time.Hour, time.Hour, time.Hour, 10*time.Millisecond)
	if err := s.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("got %v", err)
	}
}

// watchedContext closes asked when it is first asked for its end.
type watchedContext struct {
	context.Context
	asked chan struct{}
	once  sync.Once
}

func (c *watchedContext) Done() <-chan struct{} {
	c.once.Do(func() { close(c.asked) })
	return c.Context.Done()
}

// TestFetchUnderWayDoesNotCount: a fetch that began before the token came may have missed its key.
func TestFetchUnderWayDoesNotCount(t *testing.T) {
	old, added := newKey(t, "EdDSA", "old"), newKey(t, "EdDSA", "added")
	i := newIssuer(t, newSet(t, old))
	release := make(chan struct{})
	i.serve(func(w http.ResponseWriter, _ *http.Request) {
		answer := publicSet(t, old, added)
		if i.asked.Load() == 1 {
			answer = publicSet(t, old)
			<-release
		}
		_, _ = w.Write(answer)
	})
	s, err := keys.New(besideIssuer(t, i.URL, newClock().now, new(journal).logger()))
	must(t, s, err)
	s.Hasten(time.Hour, time.Hour, patience, patience)
	var first sync.WaitGroup
	first.Go(func() { _ = s.Once(t.Context()) })
	eventually(t, "the first fetch", func() bool { return i.asked.Load() == 1 })
	found := make(chan error, 1)
	ctx := &watchedContext{Context: t.Context(), asked: make(chan struct{})}
	go func() { found <- s.Refetch(ctx, "added", "EdDSA") }()
	<-ctx.asked // Refetch is about to wait
	close(release)
	if err := <-found; err != nil || !known(s, "added") {
		t.Errorf("the fetch that was under way decided: %v, %s", err, ids(s.Keys()))
	}
	first.Wait()
}

// TestIssuerMayRedirectTwice, and no more.
func TestIssuerMayRedirectTwice(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	good := *i.answer.Load()
	for redirects, ok := range map[int]bool{2: true, 3: false} {
		i.serve(func(w http.ResponseWriter, r *http.Request) {
			if len(r.URL.Path) <= redirects {
				http.Redirect(w, r, r.URL.Path+"x", http.StatusFound)
				return
			}
			good(w, r)
		})
		s, err := keys.New(
			keys.Config{
				Set:    newSet(t, newKey(t, "HS256", "ours")),
				Issuer: i.URL + "/",
				Now:    newClock().now,
				Log:    new(journal).logger(),
			},
		)
		must(t, s, err)
		if err := s.Once(t.Context()); (err == nil) != ok {
			t.Errorf("%d redirects: %v", redirects, err)
		}
	}
}
