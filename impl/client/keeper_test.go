package client_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/client"
)

// clock is a local clock that may be wrong, moved on by hand and by sleeping.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func (c *clock) Sleep(_ context.Context, d time.Duration) error {
	c.Pass(d)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slept = append(c.slept, d)
	return nil
}

const serverNow = 1_700_000_000 // Unix seconds

var serial atomic.Int64

func jwt(iat, exp int64) string {
	claims := fmt.Sprintf(`{"iat":%d,"exp":%d,"jti":"%d"}`, iat, exp, serial.Add(1))
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".x"
}

// service plays the refresh service and an API behind it.
type service struct {
	*httptest.Server
	refreshes atomic.Int64
	sent      chan map[string]any
	answer    atomic.Value // func(http.ResponseWriter)
	api       atomic.Value // http.HandlerFunc
}

func newService(t *testing.T) *service {
	s := &service{sent: make(chan map[string]any, 1000)}
	s.answer.Store(accept(""))
	s.api.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Header.Get("Authorization")) }))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/refresh", func(w http.ResponseWriter, r *http.Request) {
		s.refreshes.Add(1)
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		s.sent <- body
		s.answer.Load().(func(http.ResponseWriter))(w)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.api.Load().(http.HandlerFunc)(w, r) })
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// request is the body of the earliest refresh not looked at yet.
func (s *service) request(t *testing.T) map[string]any {
	t.Helper()
	select {
	case body := <-s.sent:
		return body
	default:
		t.Fatal("nothing was sent")
		return nil
	}
}

func accept(rotated string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		body := map[string]any{"access_token": jwt(serverNow, serverNow+600), "expired": serverNow + 600}
		if rotated != "" {
			body["refresh_token"] = rotated
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(body)
	}
}

func refuse(status int, header ...string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"status":%d,"message":"No","error":"x","causes":["because"]}`, status)
	}
}

func loggedIn(t *testing.T, s *service, change func(*client.Config)) (*client.Keeper, *clock) {
	t.Helper()
	c := &clock{now: time.Unix(serverNow, 0)}
	config := client.Config{Server: s.URL, Now: c.Now, Sleep: c.Sleep}
	if change != nil {
		change(&config)
	}
	k, err := client.New(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Login(t.Context(), login()); err != nil {
		t.Fatal(err)
	}
	return k, c
}

func login() client.Tokens {
	return client.Tokens{AccessToken: jwt(serverNow, serverNow+600), RefreshToken: "R0", Expired: serverNow + 600}
}

func access(t *testing.T, k *client.Keeper) string {
	t.Helper()
	token, err := k.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestWrongClock(t *testing.T) {
	for name, wrong := range map[string]time.Duration{"right": 0, "ahead": time.Hour, "behind": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			k, c := loggedIn(t, s, func(config *client.Config) {
				now := config.Now
				config.Now = func() time.Time { return now().Add(wrong) }
			})
			first := access(t, k)
			c.Pass(530 * time.Second)
			if access(t, k) != first || s.refreshes.Load() != 0 {
				t.Error("refreshed too early")
			}
			c.Pass(60 * time.Second)
			if access(t, k) == first {
				t.Error("not refreshed ahead of expiry")
			}
		})
	}
}

func TestOneRefreshForAll(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	c.Pass(time.Hour)
	seen := sync.Map{}
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() { seen.Store(access(t, k), true) })
	}
	wait.Wait()
	count := 0
	seen.Range(func(any, any) bool { count++; return true })
	if count != 1 || s.refreshes.Load() != 1 {
		t.Errorf("%d tokens, %d refreshes", count, s.refreshes.Load())
	}
}

func TestOneCallersEndIsNotTheOthers(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	c.Pass(time.Hour)
	arrived, release := make(chan bool, 1), make(chan bool)
	s.answer.Store(func(w http.ResponseWriter) { arrived <- true; <-release; accept("R1")(w) })
	impatient, leave := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { _, err := k.AccessToken(impatient); gone <- err }()
	<-arrived
	leave()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("the impatient got %v", err)
	}
	close(release)
	access(t, k)
	if s.refreshes.Load() != 1 {
		t.Errorf("%d refreshes", s.refreshes.Load())
	}
}

func TestFinalAnswers(t *testing.T) {
	for _, status := range []int{421, 422} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s, store := newService(t), &memory{}
			k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
			s.answer.Store(refuse(status))
			err := k.Refresh(t.Context())
			var refused *client.Error
			if !errors.Is(err, client.ErrLoginRequired) || !errors.As(err, &refused) || refused.Status != status || refused.Causes[0] != "because" {
				t.Errorf("got %v", err)
			}
			if _, err := k.AccessToken(t.Context()); !errors.Is(err, client.ErrLoginRequired) {
				t.Errorf("still logged in: %v", err)
			}
			if got, _ := store.Load(t.Context()); got.RefreshToken != "" || s.refreshes.Load() != 1 {
				t.Errorf("store has %q after %d refreshes", got.RefreshToken, s.refreshes.Load())
			}
		})
	}
}

func TestRefusalOfTokenThatWasReplaced(t *testing.T) {
	s, store := newService(t), &memory{}
	k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	newer := login()
	newer.RefreshToken, newer.Received = "R9", time.Unix(serverNow, 0)
	s.answer.Store(func(w http.ResponseWriter) { _ = store.Save(t.Context(), newer); refuse(422)(w) })
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if access(t, k) != newer.AccessToken {
		t.Error("did not go on with the newer session")
	}
}

func TestTroublePasses(t *testing.T) {
	for name, trouble := range map[string]func(http.ResponseWriter){
		"429": refuse(429), "500": refuse(500), "503": refuse(503), "hotel": func(w http.ResponseWriter) { _, _ = io.WriteString(w, "<html>") },
		"rubbish": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{")
		},
		"no token": func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, "{}")
		},
		"redirected": func(w http.ResponseWriter) { w.Header().Set("Location", "/elsewhere"); w.WriteHeader(307) },
		"cut off":    func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			k, c := loggedIn(t, s, nil)
			s.answer.Store(func(w http.ResponseWriter) {
				if s.refreshes.Load() > 3 {
					accept("")(w)
					return
				}
				trouble(w)
			})
			old := access(t, k)
			if err := k.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if access(t, k) == old || s.refreshes.Load() != 4 || len(c.slept) != 3 || c.slept[2] < time.Second {
				t.Errorf("%d refreshes, slept %v", s.refreshes.Load(), c.slept)
			}
		})
	}
}

func TestTroubleStays(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	s.answer.Store(refuse(503))
	c.Pass(time.Hour)
	if _, err := k.AccessToken(t.Context()); !errors.Is(err, client.ErrTemporary) || errors.Is(err, client.ErrLoginRequired) {
		t.Errorf("got %v", err)
	}
	s.answer.Store(accept(""))
	access(t, k)
}

// The status alone decides, whatever a proxy has made of the body.
func TestFinalAnswerWithoutEnvelope(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	s.answer.Store(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMisdirectedRequest)
		_, _ = io.WriteString(w, "<html>")
	})
	if err := k.Refresh(t.Context()); !errors.Is(err, client.ErrLoginRequired) {
		t.Errorf("got %v", err)
	}
}

func TestCallersMistake(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	s.answer.Store(refuse(400))
	err := k.Refresh(t.Context())
	if errors.Is(err, client.ErrTemporary) || errors.Is(err, client.ErrLoginRequired) || err == nil || s.refreshes.Load() != 1 {
		t.Errorf("got %v after %d refreshes", err, s.refreshes.Load())
	}
	access(t, k)
}

func TestRetryAfter(t *testing.T) {
	for name, header := range map[string][]string{
		"seconds": {"Retry-After", "7"},
		"date":    {"Retry-After", "Tue, 14 Nov 2023 22:13:29 GMT", "Date", "Tue, 14 Nov 2023 22:13:22 GMT"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			k, c := loggedIn(t, s, nil)
			s.answer.Store(func(w http.ResponseWriter) { s.answer.Store(accept("")); refuse(503, header...)(w) })
			if err := k.Refresh(t.Context()); err != nil || c.slept[0] != 7*time.Second {
				t.Errorf("slept %v: %v", c.slept, err)
			}
		})
	}
	t.Run("too long to wait", func(t *testing.T) {
		s := newService(t)
		k, c := loggedIn(t, s, nil)
		s.answer.Store(refuse(429, "Retry-After", "120"))
		for range 3 {
			var refused *client.Error
			if err := k.Refresh(t.Context()); !errors.As(err, &refused) || refused.RetryAfter != 120*time.Second {
				t.Errorf("got %v", err)
			}
		}
		if s.refreshes.Load() != 1 {
			t.Errorf("%d refreshes in the time of silence", s.refreshes.Load())
		}
		c.Pass(2 * time.Minute)
		s.answer.Store(accept(""))
		if err := k.Refresh(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestRotation(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, func(c *client.Config) { c.Limit = 10 })
	for i, want := range []string{"R0", "R1", "R2"} {
		s.answer.Store(accept(fmt.Sprint("R", i+1)))
		if err := k.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := s.request(t); got["refresh_token"] != want || got["limit"] != 10.0 {
			t.Errorf("sent %v, want %s", got, want)
		}
	}
}

func TestLateAnswer(t *testing.T) {
	for name, newer := range map[string]client.Tokens{
		"rotated further": {AccessToken: jwt(serverNow, serverNow+600), RefreshToken: "R2"},
		"logged out":      {},
	} {
		t.Run(name, func(t *testing.T) {
			s, store := newService(t), &memory{}
			k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
			s.answer.Store(func(w http.ResponseWriter) { _ = store.Save(t.Context(), newer); accept("R1")(w) })
			if err := k.Refresh(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got, _ := store.Load(t.Context()); got != newer {
				t.Errorf("overwritten by %+v", got)
			}
		})
	}
}

func TestBrokenStoreLosesNothing(t *testing.T) {
	s, store := newService(t), &memory{}
	k, _ := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	store.broken.Store(true)
	s.answer.Store(accept("R1"))
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	store.broken.Store(false)
	s.request(t)
	if err := k.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.request(t); got["refresh_token"] != "R1" {
		t.Errorf("sent %v", got)
	}
	if got, _ := store.Load(t.Context()); got.RefreshToken != "R1" {
		t.Errorf("store has %+v", got)
	}
}

func TestAnotherProgramRefreshed(t *testing.T) {
	s, store := newService(t), &memory{}
	k, c := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	c.Pass(time.Hour)
	newer := client.Tokens{AccessToken: jwt(serverNow, serverNow+600), RefreshToken: "R1", Expired: serverNow + 600, Received: c.Now()}
	_ = store.Save(t.Context(), newer)
	if access(t, k) != newer.AccessToken || s.refreshes.Load() != 0 {
		t.Errorf("%d refreshes for a token that another program had refreshed", s.refreshes.Load())
	}
}

func TestStoreOutlivesProgram(t *testing.T) {
	s, store := newService(t), &memory{}
	k, c := loggedIn(t, s, func(c *client.Config) { c.Store = store })
	want := access(t, k)
	again, err := client.New(client.Config{Server: s.URL, Store: store, Now: c.Now, Sleep: c.Sleep})
	if err != nil {
		t.Fatal(err)
	}
	if access(t, again) != want {
		t.Error("another token")
	}
	c.Pass(-time.Hour) // the clock was put back: nobody knows how old the token is
	if third, _ := client.New(client.Config{Server: s.URL, Store: store, Now: c.Now}); access(t, third) == want {
		t.Error("a token of unknown age was used")
	}
}

func TestTokenSource(t *testing.T) {
	s := newService(t)
	k, c := loggedIn(t, s, nil)
	token, err := k.Token()
	if err != nil || token.Type() != "Bearer" || !token.Expiry.Equal(c.Now().Add(10*time.Minute)) {
		t.Errorf("%+v, %v", token, err)
	}
}

func TestLogout(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	told := make(chan string, 1)
	s.api.Store(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- r.URL.Path + string(body)
	}))
	if err := k.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := <-told; got != `/api/v1/revoke{"refresh_token":"R0"}` {
		t.Error(got)
	}
	if _, err := k.AccessToken(t.Context()); !errors.Is(err, client.ErrLoginRequired) {
		t.Error(err)
	}
}

func TestNewRefusesBadConfiguration(t *testing.T) {
	for name, config := range map[string]client.Config{
		"no server": {}, "relative": {Server: "/x"}, "scheme": {Server: "ftp://x"}, "limit": {Server: "https://x.example", Limit: 9},
	} {
		if _, err := client.New(config); err == nil {
			t.Error(name)
		}
	}
}

// memory is a store that a test can break, and that forgets monotonic readings as files do.
type memory struct {
	mu     sync.Mutex
	tokens client.Tokens
	broken atomic.Bool
}

func (m *memory) Load(context.Context) (client.Tokens, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.tokens, nil
}

func (m *memory) Save(_ context.Context, tokens client.Tokens) error {
	if m.broken.Load() {
		return errors.New("disk full")
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.tokens = tokens
	m.tokens.Received = tokens.Received.Round(0)
	return nil
}

func body(t *testing.T, response *http.Response, err error) (int, string) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, _ := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimPrefix(string(text), "Bearer ")
}

func TestRefreshTokenFollowsNoRedirect(t *testing.T) {
	s := newService(t)
	k, _ := loggedIn(t, s, nil)
	var visits atomic.Int64
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(thief.Close)
	s.answer.Store(refuse(http.StatusTemporaryRedirect, "Location", thief.URL))
	if err := k.Refresh(t.Context()); !errors.Is(err, client.ErrTemporary) || visits.Load() != 0 {
		t.Errorf("%v, %d visits", err, visits.Load())
	}
}
