package fake

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// The behaviours of a user service beside delay, lose_answer, truncate and html.
const (
	hang     = "hang"           // accept the request and never answer
	reset    = "reset"          // close the connection with a reset
	redirect = "redirect"       // send the caller to another path
	huge     = "huge"           // answer with 1 MiB of claims
	notJSON  = "not_json"       // answer 200 with a text that is no JSON
	noClaims = "no_claims"      // answer 200 without claims
	another  = "other_identity" // answer for another user
)

// usersService plays the operator's user service: --identity-url.
type usersService struct {
	now func() time.Time

	mu       sync.Mutex // guards the fields below
	plans    plans
	users    map[string]user
	requests []asked
	total    int
}

// user is the answer of the user service about one user.
type user struct {
	// Status is 200, 403, 404 or 410.
	Status int `json:"status"`
	// Claims are those of a 200. Without them the answer has the claims of the request.
	Claims json.RawMessage `json:"claims,omitempty"`
}

// asked is an entry in the list of requests.
type asked struct {
	Number    int    `json:"number"`
	At        int64  `json:"at"` // Unix milliseconds
	Identity  string `json:"identity"`
	Session   string `json:"session,omitempty"`
	Behaviour string `json:"behaviour,omitempty"`
	// Authorized reports whether the request has a bearer token, which is not shown.
	Authorized bool   `json:"authorized"`
	RequestID  string `json:"request_id,omitempty"`
	Trace      string `json:"traceparent,omitempty"`
}

// NewUsers returns the handler of a user service, and of its controls below /fake. Every user exists
// and has the claims of the request, until the controls say something else.
func NewUsers(now func() time.Time) http.Handler {
	s := &usersService{now: now, users: map[string]user{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /fake", s.state)
	mux.HandleFunc("DELETE /fake", s.clear)
	mux.HandleFunc("PUT /fake/next", s.setPlan)
	mux.HandleFunc("POST /fake/next", s.setPlan)
	mux.HandleFunc("PUT /fake/users/{identity}", s.setUser)
	mux.HandleFunc("GET /fake/requests", s.list)
	mux.HandleFunc("POST /", s.claims)
	return mux
}

// usersBehaviours returns the names of all behaviours.
func usersBehaviours() []string {
	return []string{
		"403", "404", "410", "429", "500", "503", delay, hang, page, huge, loseAnswer, noClaims, notJSON,
		another, redirect, reset, truncate,
	}
}

// setPlan implements PUT and POST /fake/next.
func (s *usersService) setPlan(w http.ResponseWriter, r *http.Request) {
	p, ok := readPlan(w, r, usersBehaviours())
	if !ok {
		return
	}
	if p.Path != "" || p.Token != "" || p.RetryAfter != 0 {
		badRequest(w, "path, token and retry_after: are not for a user service")
		return
	}
	s.mu.Lock()
	s.plans.add(r.Method, p)
	s.mu.Unlock()
	s.state(w, r)
}

// setUser implements PUT /fake/users/{identity}.
func (s *usersService) setUser(w http.ResponseWriter, r *http.Request) {
	u := user{Status: http.StatusOK}
	if !readJSON(w, r, &u) {
		return
	}
	switch {
	case !slices.Contains([]int{200, 403, 404, 410}, u.Status):
		badRequest(w, "status: must be 200, 403, 404 or 410")
		return
	case u.Claims != nil && u.Claims[0] != '{':
		badRequest(w, "claims: must be an object")
		return
	}
	s.mu.Lock()
	s.users[r.PathValue("identity")] = u
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// clear implements DELETE /fake.
func (s *usersService) clear(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	s.plans, s.requests, s.total, s.users = nil, nil, 0, map[string]user{}
	s.mu.Unlock()
	w.WriteHeader(http.StatusNoContent)
}

// state implements GET /fake.
func (s *usersService) state(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	out := struct {
		Next  []plan          `json:"next"`
		Users map[string]user `json:"users"`
		Total int             `json:"total"`
	}{append([]plan{}, s.plans...), maps.Clone(s.users), s.total}
	s.mu.Unlock()
	writeJSON(w, out)
}

// list implements GET /fake/requests. The parameter identity selects the requests about a user.
func (s *usersService) list(w http.ResponseWriter, r *http.Request) {
	identity := r.URL.Query().Get("identity")
	out := struct {
		Total    int     `json:"total"`
		Requests []asked `json:"requests"`
	}{Requests: []asked{}}
	s.mu.Lock()
	out.Total = s.total
	for _, q := range s.requests {
		if identity == "" || q.Identity == identity {
			out.Requests = append(out.Requests, q)
		}
	}
	s.mu.Unlock()
	writeJSON(w, out)
}

// claims answers a question as the next plan says, and else as the user service should.
func (s *usersService) claims(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Identity string          `json:"identity"`
		Session  string          `json:"session"`
		Claims   json.RawMessage `json:"claims"`
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil || json.Unmarshal(body, &q) != nil || q.Identity == "" || len(q.Claims) == 0 {
		badRequest(w, "the body must be an IdentityRequest of openapi.yaml")
		return
	}
	p := s.note(r, q.Identity, q.Session)
	if p.Behaviour == hang {
		<-r.Context().Done()
		panic(http.ErrAbortHandler)
	}
	if !pause(r, time.Duration(p.DelayMS)*time.Millisecond) {
		return
	}
	s.mu.Lock()
	u, known := s.users[q.Identity]
	s.mu.Unlock()
	if !known {
		u.Status = http.StatusOK
	}
	if len(u.Claims) == 0 {
		u.Claims = q.Claims
	}
	s.perform(w, p, q.Identity, u)
}

// note adds a request to the list, and returns the plan for it.
func (s *usersService) note(r *http.Request, identity, session string) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.plans.take(func(p plan) bool { return p.Identity == "" || p.Identity == identity })
	s.total++
	s.requests = append(s.requests, asked{
		Number:     s.total,
		At:         s.now().UnixMilli(),
		Identity:   identity,
		Session:    session,
		Behaviour:  string(p.Behaviour),
		Authorized: strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "),
		RequestID:  r.Header.Get("X-Request-Id"),
		Trace:      r.Header.Get("Traceparent"),
	})
	if len(s.requests) > maxListed {
		s.requests = slices.Delete(s.requests, 0, 1)
	}
	return p
}
