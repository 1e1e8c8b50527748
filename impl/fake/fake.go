// Package fake is a server for the tests of callers: it keeps the contract, because it is the real handler, and misbehaves
// when it is told to.
package fake

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// Config is what a fake works with.
type Config struct {
	// Keys and Rules are those with which the real handler verifies.
	Keys  jwk.Source
	Rules token.Rules
	Now   func() time.Time
	// Origins may call the fake from a browser; "*" is any.
	Origins []string
	// Real makes the real handler, with nothing revoked, by the clock that it is given. It is called at the start and
	// after each reset.
	Real func(now func() time.Time) (http.Handler, error)
}

// server is the real handler with its controls.
type server struct {
	config   Config
	verifier *token.Verifier

	mu       sync.Mutex // guards what follows
	real     http.Handler
	plans    []plan
	offset   time.Duration     // of the fake's clock
	answers  map[string]answer // the last 200 of each path
	requests []request
	seen     int
}

// New returns the handler: the contract's routes, and the controls under /fake.
func New(c Config) (http.Handler, error) {
	s := &server{config: c, verifier: token.NewVerifier(c.Keys, c.Rules)}
	if err := s.begin(); err != nil {
		return nil, err
	}
	return withOrigins(c.Origins, s.routes()), nil
}

// begin forgets everything.
func (s *server) begin() error {
	handler, err := s.config.Real(s.clock)
	if err != nil {
		return fmt.Errorf("make the real handler: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.real, s.answers = handler, map[string]answer{}
	s.plans, s.requests, s.seen, s.offset = nil, nil, 0, 0
	return nil
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fake", s.state)
	mux.HandleFunc("DELETE /fake", s.reset)
	mux.HandleFunc("PUT /fake/next", s.setPlan)
	mux.HandleFunc("POST /fake/next", s.addPlan)
	mux.HandleFunc("PUT /fake/clock", s.setClock)
	mux.HandleFunc("GET /fake/requests", s.listRequests)
	mux.HandleFunc("POST /fake/login", s.login)
	mux.HandleFunc("GET /fake/me", s.me)
	mux.HandleFunc("/api/", s.misbehave)
	mux.HandleFunc("/", s.serveReal)
	return mux
}

// clock is the time that the fake believes.
func (s *server) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config.Now().Add(s.offset)
}

func (s *server) serveReal(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	handler := s.real
	s.mu.Unlock()
	handler.ServeHTTP(w, r)
}

// withOrigins lets pages of these origins call the fake. The real server has no such headers: a page reaches it from its own
// origin, or through a proxy that adds them.
func withOrigins(origins []string, next http.Handler) http.Handler {
	if len(origins) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		w.Header().Add("Vary", "Origin")
		if origin == "" || !allowed(origins, origin) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Access-Control-Allow-Origin", origin)
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
			w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type, X-Request-Id")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func allowed(origins []string, origin string) bool {
	for _, o := range origins {
		if o == "*" || strings.EqualFold(o, origin) {
			return true
		}
	}
	return false
}
