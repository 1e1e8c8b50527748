package guard

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/tests/server"
)

// TestAgeCountsFromSending: time that passes while the request or its answer is on the way counts.
func TestAgeCountsFromSending(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	token := signed(t, 0, nil)
	answered, done := make(chan struct{}), make(chan struct{})
	t.Cleanup(func() { close(done) })
	p.intercept(func(number int, w http.ResponseWriter, r *http.Request) {
		if number > 1 { // the guard has read the first answer
			if number == 2 {
				close(answered)
			}
			<-done
			return
		}
		p.clock.pass(DefaultMaxStale / 2)
		p.real.ServeHTTP(w, r)
		p.clock.pass(DefaultMaxStale / 2)
	})
	<-answered
	if age, known := p.guard.Age(); !known || age < DefaultMaxStale {
		t.Errorf("age: %v, want at least %v", age, DefaultMaxStale)
	}
	p.unavailable("after a slow answer", token)
}

// TestStale: the age counts by both clocks, and a guard that is stale accepts no token.
func TestStale(t *testing.T) {
	t.Parallel()
	for name, move := range map[string]func(*movedClock){
		"both clocks go on":          func(c *movedClock) { c.pass(DefaultMaxStale) },
		"the machine is suspended":   func(c *movedClock) { c.wall.Add(int64(DefaultMaxStale)) },
		"the wall clock stands":      func(c *movedClock) { c.mono.Add(int64(DefaultMaxStale)) },
		"the wall clock is set back": func(c *movedClock) { c.wall.Add(-int64(time.Minute)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			token := signed(t, 0, nil)
			if err := p.check(token); err != nil {
				t.Fatal(err)
			}
			release := p.hold()
			move(p.clock)
			p.unavailable(name, token)
			w := ask(p.guard.Handler(nil), token)
			if w.Code != 503 || w.Header().Get("Retry-After") == "" {
				t.Errorf("Handler: %d %v", w.Code, w.Header())
			}
			release()
			p.await("the guard to accept again", func() bool { return p.check(token) == nil })
		})
	}
}

// TestAgeIsReadBeforeMemory: a check that is stopped between its two steps sees a revocation that
// the guard learns of meanwhile, whose reading makes the guard fresh.
func TestAgeIsReadBeforeMemory(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	refresh, token := p.session()
	release := p.hold()
	p.revoke(refresh)
	before := p.guard.set.Len()
	stopped := func() { // the first reading of the clock, for exp
		second := func() { // for the age
			release()
			p.await("the revocation", func() bool { return p.guard.set.Len() > before })
		}
		p.clock.onNow.Store(&second)
	}
	p.clock.onNow.Store(&stopped)
	if err := p.check(token); !errors.Is(err, session.ErrRevoked) {
		t.Errorf("%v, want ErrRevoked", err)
	}
}

// TestReset: after 409 the guard keeps its revocations, and pauses longer and longer.
func TestReset(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	refresh, token := p.session()
	p.revoke(refresh)
	revoked := func() bool { return errors.Is(p.check(token), session.ErrRevoked) }
	p.await("the revocation", revoked)
	fifth := make(chan struct{})
	p.intercept(func(number int, w http.ResponseWriter, r *http.Request) {
		if query := r.URL.Query(); number > 1 && (query.Get("after") != "0" || query.Has("epoch")) {
			t.Errorf("after 409 the guard asks for %s", r.URL.RawQuery)
		}
		if number == 1 {
			p.clock.mu.Lock()
			p.clock.pauses = nil
			p.clock.mu.Unlock()
		}
		if number == 5 {
			close(fifth)
		}
		w.WriteHeader(http.StatusConflict)
	})
	<-fifth
	if !revoked() {
		t.Error("after 409 the guard accepts the token of a revoked session")
	}
	p.clock.mu.Lock()
	got := slices.DeleteFunc(p.clock.pauses, func(d time.Duration) bool { return d >= time.Second })
	p.clock.mu.Unlock()
	want := []time.Duration{firstPause, 2 * firstPause, 4 * firstPause, 8 * firstPause}
	if len(got) < 4 || !slices.Equal(got[:4], want) {
		t.Errorf("pauses: %v, want %v", got, want)
	}
}

// TestPages: only an answer that reaches the head of the feed makes the guard fresh, and none with
// an entry that the guard does not understand.
func TestPages(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(map[string]any){
		"before the head": func(page map[string]any) { page["head"] = 1_000_000 },
		"unknown entry": func(page map[string]any) {
			page["revocations"] = []map[string]any{{"sequence": 1, "device": "x", "kept_until": 1 << 40}}
		},
		"short key": func(page map[string]any) {
			page["revocations"] = []map[string]any{{"sequence": 1, "session": "00", "kept_until": 1 << 40}}
		},
		"no epoch":  func(page map[string]any) { page["epoch"] = "" },
		"backwards": func(page map[string]any) { page["next"] = -1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			token := signed(t, 0, nil)
			third := make(chan struct{})
			p.intercept(func(number int, w http.ResponseWriter, r *http.Request) {
				if number == 3 {
					close(third)
				}
				if number >= 3 {
					<-t.Context().Done()
					return
				}
				answer, page := httptest.NewRecorder(), map[string]any{}
				p.real.ServeHTTP(answer, r)
				if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil {
					t.Errorf("%v in %s", err, answer.Body)
				}
				change(page)
				_ = json.NewEncoder(w).Encode(page)
				p.clock.pass(DefaultMaxStale / 2)
			})
			<-third
			p.unavailable(name, token)
		})
	}
}

// TestSilentHandshake: if the TLS handshake gets no answer, the connection is closed, although the
// request has ended before. Otherwise such connections pile up.
func TestSilentHandshake(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	g, err := New(Config{
		Server:     "https://" + listener.Addr().String(),
		Credential: credential,
		Secret:     []byte(server.Secret),
		MaxStale:   time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	connection, err := listener.Accept()
	g.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
}
