package fake

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/problem"
)

const (
	maxListed = 1000 // requests in the list
	noAnswer  = 0    // the status of a request without an answer
)

// request is an entry in the list of requests. It has no token.
type request struct {
	Number    int    `json:"number"`
	At        int64  `json:"at"` // Unix milliseconds of the fake's clock
	Method    string `json:"method"`
	Path      string `json:"path"`
	Identity  string `json:"identity,omitempty"` // in the token of the request
	Behaviour string `json:"behaviour,omitempty"`
	// Status is 0 until the answer was sent. It stays 0 if the answer was lost.
	Status int `json:"status"`
}

// record adds a request to the list and returns its number.
func (s *server) record(r *http.Request, identity, behaviour string) int {
	at := s.clock().UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	s.requests = append(s.requests, request{
		Number:    s.total,
		At:        at,
		Method:    r.Method,
		Path:      r.URL.Path,
		Identity:  identity,
		Behaviour: behaviour,
	})
	if len(s.requests) > maxListed {
		s.requests = slices.Delete(s.requests, 0, 1)
	}
	return s.total
}

func (s *server) setStatus(number, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.requests {
		if s.requests[i].Number == number {
			s.requests[i].Status = status
		}
	}
}

// listRequests implements GET /fake/requests. The parameter identity selects the requests with a
// token of that identity.
func (s *server) listRequests(w http.ResponseWriter, r *http.Request) {
	identity := r.URL.Query().Get("identity")
	out := struct {
		Total    int            `json:"total"`
		Statuses map[string]int `json:"statuses"`
		Requests []request      `json:"requests"`
	}{Statuses: map[string]int{}, Requests: []request{}}
	s.mu.Lock()
	out.Total = s.total
	for _, q := range s.requests {
		if identity != "" && q.Identity != identity {
			continue
		}
		status := strconv.Itoa(q.Status)
		if q.Status == noAnswer {
			status = "lost"
		}
		out.Statuses[status]++
		out.Requests = append(out.Requests, q)
	}
	s.mu.Unlock()
	writeJSON(w, out)
}

// state implements GET /fake.
func (s *server) state(w http.ResponseWriter, _ *http.Request) {
	now := s.clock().Unix()
	s.mu.Lock()
	out := struct {
		Next   []plan `json:"next"`
		Now    int64  `json:"now"`
		Offset int64  `json:"offset_seconds"`
		Total  int    `json:"total"`
	}{append([]plan{}, s.plans...), now, int64(s.offset / time.Second), s.total}
	s.mu.Unlock()
	writeJSON(w, out)
}

// reset implements DELETE /fake.
func (s *server) reset(w http.ResponseWriter, _ *http.Request) {
	if err := s.restart(); err != nil {
		problem.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// century is in seconds.
const century = 100 * 365 * 24 * 3600

// setClock implements PUT /fake/clock. It sets how far the fake's clock is ahead of the real one.
func (s *server) setClock(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Offset int64 `json:"offset_seconds"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.Offset < -century || in.Offset > century {
		badRequest(w, "offset_seconds: must be at most a century, 3153600000")
		return
	}
	s.mu.Lock()
	s.offset = time.Duration(in.Offset) * time.Second
	s.mu.Unlock()
	s.state(w, r)
}
