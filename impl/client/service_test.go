package client_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
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

// clock is a local clock that a test moves. Sleeping moves it too.
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

// service is a refresh service and an API in one server.
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
	s.api.Store(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Authorization"))
	}))
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v1/refresh", func(w http.ResponseWriter, r *http.Request) {
		s.refreshes.Add(1)
		var body map[string]any
		_ = json.NewDecoder(r.Body).Decode(&body)
		s.sent <- body
		s.answer.Load().(func(http.ResponseWriter))(w)
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		s.api.Load().(http.HandlerFunc)(w, r)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// request returns the body of the next refresh that the service received.
func (s *service) request(t *testing.T) map[string]any {
	t.Helper()
	select {
	case body := <-s.sent:
		return body
	default:
		t.Fatal("no refresh was sent")
		return nil
	}
}

func accept(rotated string) func(http.ResponseWriter) {
	return func(w http.ResponseWriter) {
		token := jwt(serverNow, serverNow+600)
		body := map[string]any{"access_token": token, "expired": serverNow + 600}
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
		kind := "x"
		if status == 421 || status == 422 {
			kind = "jwt_error"
		}
		const body = `{"status":%d,"message":"No","error":%q,"causes":["because"]}`
		_, _ = fmt.Fprintf(w, body, status, kind)
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
	return client.Tokens{
		AccessToken:  jwt(serverNow, serverNow+600),
		RefreshToken: "R0",
		Expired:      serverNow + 600,
	}
}

func access(t *testing.T, k *client.Keeper) string {
	t.Helper()
	token, err := k.AccessToken(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return token
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
