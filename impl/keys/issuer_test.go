package keys_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
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

// besideIssuer returns the configuration of a source with a key of its own and those of an issuer.
func besideIssuer(
	t *testing.T, url string, now func() time.Time, log *slog.Logger,
) keys.Config {
	return keys.Config{
		Set:    newSet(t, newKey(t, "HS256", "ours")),
		Issuer: url,
		Now:    now,
		Log:    log,
	}
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
	s := running(t, besideIssuer(t, i.URL, newClock().now, log.logger()))
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
		"away": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
		}, "answered 500"},
		"moved": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL, http.StatusFound)
		}, "another host"},
		"a secret": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(secret) },
			"must not hold a secret"},
		"HTML": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>"))
		}, "not a JSON object"},
		"no keys": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[]}`))
		}, "no usable key"},
		"in circles": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "too often"},
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
			s := running(t, besideIssuer(t, i.URL, newClock().now, log.logger()))
			if err := s.Refetch(t.Context(), "invented",
				"EdDSA"); err != nil { // waits until the first question is over
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
