package guard

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

const credential = "api:0123456789abcdef0123456789abcdef"

// place is a guard of the real server. The test moves its clock, and may answer or hold the
// requests for the feed in place of the server.
type place struct {
	t      *testing.T
	guard  *Guard
	clock  *movedClock
	config Config
	real   http.Handler
	// feed, if set, answers the requests for the feed in place of the server.
	feed atomic.Pointer[http.HandlerFunc]
	// keys, if set, is the JWK Set in place of that of the server.
	keys atomic.Pointer[string]
}

// newPlace returns a place whose guard is fresh.
func newPlace(t *testing.T, change func(*Config)) *place {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte(credential+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &place{
		t:     t,
		clock: &movedClock{Clock: revocation.SystemClock()},
		real: server.Handler(t, server.Options{
			Settings: service.Settings{ApiCredentials: file},
			Run:      true,
		}),
	}
	front := server.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		feed, keys := p.feed.Load(), p.keys.Load()
		switch {
		case r.URL.Path == "/api/v1/revocations" && feed != nil:
			query := r.URL.Query()
			query.Del("wait") // the test does not wait for nothing to happen
			r.URL.RawQuery = query.Encode()
			(*feed)(w, r)
		case r.URL.Path == "/.well-known/jwks.json" && keys != nil:
			_, _ = io.WriteString(w, *keys)
		default:
			p.real.ServeHTTP(w, r)
		}
	}))
	p.config = Config{
		Server:     front.String(),
		Credential: credential,
		Secret:     []byte(server.Secret),
		Clock:      p.clock,
	}
	if change != nil {
		change(&p.config)
	}
	g, err := New(p.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	p.guard = g
	p.await("the guard to be fresh", g.fresh)
	return p
}

func (p *place) await(event string, happened func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(server.Patience); !happened(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatal("waiting for ", event)
		}
	}
}

// intercept lets f answer the requests for the feed, numbered from 1, until the test ends.
// It returns once the first one is there: the guard sends none that f does not see.
func (p *place) intercept(f func(number int, w http.ResponseWriter, r *http.Request)) {
	p.t.Helper()
	var mu sync.Mutex
	number, first := 0, make(chan struct{})
	handle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		number++
		n := number
		mu.Unlock()
		if n == 1 {
			close(first)
		}
		f(n, w, r)
	})
	p.feed.Store(&handle)
	p.revoke(signed(p.t, 1, nil)) // ends the request that waits at the server
	<-first
}

// hold lets no answer to a request for the feed through until the function that it returns is
// called, or the test ends.
func (p *place) hold() (release func()) {
	p.t.Helper()
	free := make(chan struct{})
	release = sync.OnceFunc(func() { close(free) })
	p.t.Cleanup(release)
	p.intercept(func(_ int, w http.ResponseWriter, r *http.Request) {
		<-free
		p.real.ServeHTTP(w, r)
	})
	return release
}

func (p *place) post(path, token string, want int) []byte {
	p.t.Helper()
	body, err := json.Marshal(map[string]string{"refresh_token": token})
	if err != nil {
		p.t.Fatal(err)
	}
	response, err := http.Post(p.config.Server+path, "application/json", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != want {
		p.t.Fatalf("%s answers %d %s, %v", path, response.StatusCode, answer, err)
	}
	return answer
}

// session returns the refresh token of a new session, and an access token.
func (p *place) session() (refresh, access string) {
	p.t.Helper()
	refresh = signed(p.t, 1, nil)
	var tokens server.Tokens
	answer := p.post("/api/v1/refresh", refresh, http.StatusOK)
	if err := json.Unmarshal(answer, &tokens); err != nil {
		p.t.Fatal(err)
	}
	return refresh, tokens.AccessToken
}

func (p *place) revoke(refresh string) {
	p.t.Helper()
	p.post("/api/v1/revoke", refresh, http.StatusNoContent)
}

func (p *place) check(token string) error {
	_, err := p.guard.Check(p.t.Context(), token)
	return err
}

func (p *place) unavailable(when, token string) {
	p.t.Helper()
	if err := p.check(token); !errors.Is(err, ErrUnavailable) {
		p.t.Errorf("%s: %v, want ErrUnavailable", when, err)
	}
}

// ask returns the answer of a handler to a request with a token.
func ask(h http.Handler, token string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
	r.Header.Set("Authorization", strings.TrimSpace("Bearer "+token))
	h.ServeHTTP(w, r)
	return w
}

func signed(t *testing.T, kind int, more jwt.MapClaims) string {
	t.Helper()
	claims := jwt.MapClaims{
		"identity": "ana@example.com",
		"type":     kind,
		"jti":      rand.Text(),
		"iat":      time.Now().Add(-time.Hour).Unix(),
		"exp":      time.Now().Add(time.Hour).Unix(),
	}
	maps.Copy(claims, more)
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(server.Secret))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// movedClock is the machine's clock, moved by the test. It notes the pauses of the guard.
type movedClock struct {
	revocation.Clock

	mono, wall atomic.Int64
	onNow      atomic.Pointer[func()] // called once, by the next reading

	mu     sync.Mutex
	pauses []time.Duration
}

func (c *movedClock) Now() revocation.Instant {
	if f := c.onNow.Swap(nil); f != nil {
		(*f)()
	}
	i := c.Clock.Now()
	i.Mono += time.Duration(c.mono.Load())
	i.Wall += c.wall.Load()
	return i
}

func (c *movedClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pauses = append(c.pauses, d)
	return c.Clock.After(d)
}

// pass moves both clocks.
func (c *movedClock) pass(d time.Duration) {
	c.mono.Add(int64(d))
	c.wall.Add(int64(d))
}
