package keys_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/token"
)

// issuer is a login service that publishes its keys. Its answer can be replaced.
type issuer struct {
	*httptest.Server
	asked  atomic.Int64
	answer atomic.Pointer[http.HandlerFunc]
}

func newIssuer(t *testing.T, set *jwk.Set) *issuer {
	i := new(issuer)
	i.publish(t, set)
	i.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.asked.Add(1)
		(*i.answer.Load())(w, r)
	}))
	t.Cleanup(i.Close)
	return i
}

func (i *issuer) serve(h http.HandlerFunc) { i.answer.Store(&h) }

func (i *issuer) publish(t *testing.T, set *jwk.Set) {
	data, err := set.MarshalPublic(newClock().now())
	must(t, data, err)
	i.serve(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) })
}

// theirs is a refresh token that the issuer signed.
func theirs(t *testing.T, key *jwk.Key, issuer string) string {
	raw, err := token.NewMinter(newSet(t, key), token.Rules{}).
		Issue([]byte(`{"exp":1611318219,"identity":"me","iss":"`+issuer+`"}`), newClock().now())
	return must(t, raw, err)
}

// known reports that the source has the key.
func known(s *keys.Source, id string) bool {
	return strings.Contains(" "+ids(s.Keys())+" ", " "+id+" ")
}

func TestIssuersKeysVerifyForItsNameAlone(t *testing.T) {
	clock := newClock()
	ours, key := newKey(t, "HS256", "ours"), newKey(t, "EdDSA", "theirs")
	i := newIssuer(t, newSet(t, key))
	s := running(
		t,
		keys.Config{
			Set:    newSet(t, ours),
			Issuer: i.URL,
			Now:    clock.now,
			Log:    new(journal).logger(),
		},
	)
	eventually(t, "the issuer's keys", func() bool { return s.Ready() == nil })
	v := token.NewVerifier(s, token.Rules{Issuer: "login"})
	got, err := v.Refresh(theirs(t, key, "login"), clock.now())
	if must(t, got, err).IssuerKey == "" {
		t.Error("the issuer's key counts as ours")
	}
	if _, err := v.Refresh(theirs(t, key, "other"), clock.now()); !errors.Is(err, token.ErrIssuer) {
		t.Errorf("got %v", err)
	}
	if active := s.Keys().Active(clock.now()); active.ID() != "ours" {
		t.Errorf("%s signs", active.ID())
	}
	public, err := s.Keys().MarshalPublic(clock.now())
	if strings.Contains(must(t, string(public), err), "theirs") {
		t.Error("the issuer's key is published as ours")
	}
}

func TestIssuerNeverShadowsOurs(t *testing.T) {
	clock := newClock()
	ours, impostor := newKey(t, "EdDSA", "same"), newKey(t, "EdDSA", "same")
	i := newIssuer(t, newSet(t, impostor, newKey(t, "EdDSA", "other")))
	var log journal
	path := file(t, newSet(t, ours))
	s := running(t, keys.Config{File: path, Issuer: i.URL, Now: clock.now, Log: log.logger()})
	eventually(t, "the issuer's keys", func() bool { return known(s, "other") })
	v := token.NewVerifier(s, token.Rules{Issuer: "login"})
	check := func() {
		t.Helper()
		if _, err := v.Refresh(theirs(t, impostor, "login"), clock.now()); !errors.Is(
			err,
			token.ErrSignature,
		) {
			t.Errorf("the issuer's key took the place of ours: %v", err)
		}
		if _, err := v.Refresh(theirs(t, ours, "login"), clock.now()); err != nil {
			t.Error(err)
		}
	}
	check()
	eventually(
		t,
		"a line in the log",
		func() bool { return strings.Contains(log.String(), `a key of ours has its ID" id=same`) },
	)
	if strings.Contains(log.String(), "id=other") {
		t.Errorf("a key that is used is logged as left out: %s", log.String())
	}
	// Also when ours comes later.
	write(t, path, newSet(t, newKey(t, "EdDSA", "first")))
	eventually(t, "their key", func() bool { return ids(s.Keys()) == "first same other" })
	write(t, path, newSet(t, ours))
	eventually(t, "our key", func() bool { return ids(s.Keys()) == "same other" })
	check()
}

func TestIssuerAwayAtStart(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	i.serve(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	var log journal
	s := running(
		t,
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: i.URL,
			Now:    newClock().now,
			Log:    log.logger(),
		},
	)
	eventually(
		t,
		"a line in the log",
		func() bool { return strings.Contains(log.String(), "the issuer answered 502") },
	)
	if err := s.Ready(); !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("ready: %v", err)
	}
	if err := s.Refetch(t.Context(), "invented", "EdDSA"); !errors.Is(err, keys.ErrUnavailable) {
		t.Errorf("whether a key exists is not known, yet: %v", err)
	}
	i.publish(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	eventually(
		t,
		"the issuer's keys",
		func() bool { return s.Ready() == nil && known(s, "theirs") },
	)
}

// TestIssuerKeepsItsLastGoodSet: whatever the issuer answers later.
func TestIssuerKeepsItsLastGoodSet(t *testing.T) {
	secret, err := newSet(
		t,
		newKey(t, "HS256", "secret"),
		newKey(t, "EdDSA", "evil"),
	).MarshalPrivate()
	must(t, secret, err)
	evil, err := newSet(t, newKey(t, "EdDSA", "evil")).MarshalPublic(newClock().now())
	must(t, evil, err)
	elsewhere := newIssuer(t, newSet(t, newKey(t, "EdDSA", "evil")))
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		why    string
	}{
		"away":       {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "answered 500"},
		"moved":      {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, http.StatusFound) }, "another host"},
		"a secret":   {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(secret) }, "must not hold a secret"},
		"HTML":       {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "not a JSON object"},
		"no keys":    {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) }, "no usable key"},
		"in circles": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }, "too often"},
		"no end": {func(w http.ResponseWriter, _ *http.Request) {
			for range 1000 {
				if _, err := w.Write([]byte(strings.Repeat(" ", 1<<20))); err != nil {
					return
				}
			}
		}, "larger than"},
		"204 with keys": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write(evil)
		}, "answered 202"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "good")))
			var log journal
			s := running(
				t,
				keys.Config{
					Set:    newSet(t, newKey(t, "HS256", "ours")),
					Issuer: i.URL,
					Now:    newClock().now,
					Log:    log.logger(),
				},
			)
			if err := s.Refetch(t.Context(), "invented", "EdDSA"); err != nil { // waits until the first question is over
				t.Fatal(err)
			}
			i.serve(c.answer)
			if err := s.Refetch(t.Context(), "invented", "EdDSA"); !errors.Is(
				err,
				keys.ErrUnavailable,
			) {
				t.Errorf("got %v", err)
			}
			if got := ids(s.Keys()); got != "ours good" {
				t.Errorf("the keys are %q", got)
			}
			if !strings.Contains(log.String(), c.why) {
				t.Errorf("the log does not say %q: %s", c.why, log.String())
			}
		})
	}
	if n := elsewhere.asked.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

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
	s := running(
		t,
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: i.URL,
			Now:    newClock().now,
			Log:    new(journal).logger(),
		},
	)
	eventually(t, "the issuer's keys", func() bool { return known(s, "theirs") })
}

// TestUnknownKeyIsLookedFor: a key that the issuer has just made is found at once, however recently
// it was asked for another one.
func TestUnknownKeyIsLookedFor(t *testing.T) {
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	s := running(
		t,
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: i.URL,
			Now:    newClock().now,
			Log:    new(journal).logger(),
		},
	)
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
	s, err := keys.New(
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: i.URL,
			Now:    newClock().now,
			Log:    new(journal).logger(),
		},
	)
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
	s, err := keys.New(
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: i.URL,
			Now:    newClock().now,
			Log:    new(journal).logger(),
		},
	)
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
	s, err := keys.New(
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: i.URL,
			Now:    newClock().now,
			Log:    new(journal).logger(),
		},
	)
	must(t, s, err)
	s.Hasten(time.Hour, time.Hour, time.Hour, 10*time.Millisecond)
	if err := s.Once(t.Context()); err == nil || !strings.Contains(err.Error(), "in time") {
		t.Errorf("got %v", err)
	}
}

func TestIssuersFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "theirs.json")
	var log journal
	s := running(
		t,
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: path,
			Now:    newClock().now,
			Log:    log.logger(),
		},
	)
	eventually(
		t,
		"a line in the log",
		func() bool { return strings.Contains(log.String(), "no such file") },
	)
	if !errors.Is(s.Ready(), keys.ErrUnavailable) ||
		!errors.Is(s.Refetch(t.Context(), "invented", "EdDSA"), keys.ErrUnavailable) {
		t.Error("ready without the issuer's keys")
	}
	publish := func(set *jwk.Set) {
		data, err := set.MarshalPublic(newClock().now())
		writeText(t, path, must(t, string(data), err))
	}
	publish(newSet(t, newKey(t, "EdDSA", "one")))
	eventually(t, "the file", func() bool {
		return known(s, "one") && s.Ready() == nil &&
			s.Refetch(t.Context(), "invented", "EdDSA") == nil
	})
	publish(newSet(t, newKey(t, "EdDSA", "two")))
	eventually(t, "the new file", func() bool { return ids(s.Keys()) == "ours two" })
	write(t, path, newSet(t, newKey(t, "HS256", "three")))
	eventually(
		t,
		"a refusal",
		func() bool { return strings.Contains(log.String(), "must not hold a secret") },
	)
	if got := ids(s.Keys()); got != "ours two" {
		t.Errorf("got %q", got)
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
	s, err := keys.New(
		keys.Config{
			Set:    newSet(t, newKey(t, "HS256", "ours")),
			Issuer: i.URL,
			Now:    newClock().now,
			Log:    new(journal).logger(),
		},
	)
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

// TestLargestSets: 256 KiB, from a file and from an issuer, and not a byte more.
func TestLargestSets(t *testing.T) {
	const largest = 256 << 10
	theirs := publicSet(t, newKey(t, "EdDSA", "theirs"))
	private, err := newSet(t, newKey(t, "HS256", "ours")).MarshalPrivate()
	must(t, private, err)
	padded := func(set []byte, size int) string { return string(set) + strings.Repeat(" ", size-len(set)) }
	i := newIssuer(t, newSet(t, newKey(t, "EdDSA", "theirs")))
	path := filepath.Join(t.TempDir(), "keys.json")
	for size, ok := range map[int]bool{largest: true, largest + 1: false} {
		writeText(t, path, padded(private, size))
		if _, err := keys.Load(path, false); (err == nil) != ok {
			t.Errorf("a file of %d bytes: %v", size, err)
		}
		i.serve(
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(padded(theirs, size))) },
		)
		s, err := keys.New(
			keys.Config{
				Set:    newSet(t, newKey(t, "HS256", "ours")),
				Issuer: i.URL,
				Now:    newClock().now,
				Log:    new(journal).logger(),
			},
		)
		must(t, s, err)
		if err := s.Once(t.Context()); (err == nil) != ok {
			t.Errorf("an answer of %d bytes: %v", size, err)
		}
	}
}
