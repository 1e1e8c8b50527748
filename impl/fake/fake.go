// Package fake is a server for tests of clients. It keeps the contract, because it is the real
// handler, and it misbehaves on demand.
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

// Config is the configuration of a fake.
type Config struct {
	// Keys and Rules are those of the real handler. The fake signs and verifies tokens with them.
	Keys  jwk.Source
	Rules token.Rules
	Now   func() time.Time
	// Origins are the origins whose browser pages may call the fake. "*" allows every origin.
	Origins []string
	// Real returns a new real handler without any revocation. The handler uses the clock now. The
	// fake calls Real at the start and after each reset.
	Real func(now func() time.Time) (http.Handler, error)
}

type server struct {
	config   Config
	verifier *token.Verifier

	mu       sync.Mutex // guards the fields below
	real     http.Handler
	plans    plans
	offset   time.Duration     // how far the fake's clock is ahead of the real one
	answers  map[source]answer // the last 200 of each source
	requests []request
	total    int // requests since the start or the last reset
}

// New returns the handler of the routes of the contract and of the controls below /fake. It fails
// if c.Real fails.
func New(c Config) (http.Handler, error) {
	s := &server{config: c, verifier: token.NewVerifier(c.Keys, c.Rules)}
	if err := s.restart(); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fake", s.state)
	mux.HandleFunc("DELETE /fake", s.reset)
	mux.HandleFunc("PUT /fake/next", s.setPlan)
	mux.HandleFunc("POST /fake/next", s.setPlan)
	mux.HandleFunc("PUT /fake/clock", s.setClock)
	mux.HandleFunc("GET /fake/requests", s.listRequests)
	mux.HandleFunc("POST /fake/login", s.login)
	mux.HandleFunc("GET /fake/me", s.me)
	mux.HandleFunc("/api/", s.serve)
	mux.HandleFunc(oauth, s.serve)
	mux.HandleFunc("/", s.serveReal)
	return allowOrigins(c.Origins, mux), nil
}

// restart puts the fake into the state of its start.
func (s *server) restart() error {
	handler, err := s.config.Real(s.clock)
	if err != nil {
		return fmt.Errorf("make the real handler: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.real, s.answers = handler, map[source]answer{}
	s.plans.clear()
	s.requests, s.total, s.offset = nil, 0, 0
	return nil
}

// clock returns the time of the fake.
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

// allowOrigins adds the CORS headers for pages of the origins. The setting of the real server,
// --cors-origin, does not cover the controls below /fake.
func allowOrigins(origins []string, next http.Handler) http.Handler {
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
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Access-Control-Expose-Headers", "Retry-After, X-Request-Id")
		preflight := r.Header.Get("Access-Control-Request-Method") != ""
		if r.Method == http.MethodOptions && preflight {
			w.Header().Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
			w.Header().Set("Access-Control-Allow-Headers",
				"Authorization, Content-Type, X-Request-Id")
			w.WriteHeader(http.StatusNoContent)
			return
		}
		// The real handler would reject another origin at its browser operations.
		r.Header.Del("Origin")
		r.Header.Del("Sec-Fetch-Site")
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
