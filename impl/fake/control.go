package fake

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/problem"
)

const (
	maxBody   = 64 << 10
	maxListed = 1000 // requests that are remembered
	lost      = 0    // the status of an answer that never arrived
)

// request is one request of the contract that the fake has seen. It holds nothing of the request's body.
type request struct {
	Number    int    `json:"number"`
	At        int64  `json:"at"` // Unix milliseconds, by the fake's clock
	Method    string `json:"method"`
	Path      string `json:"path"`
	Behaviour string `json:"behaviour,omitempty"`
	// Status is what was answered: 0 while there is no answer, and for good if it was lost.
	Status int `json:"status"`
}

func (s *server) record(r *http.Request, behaviour string) int {
	at := s.clock().UnixMilli()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen++
	s.requests = append(s.requests, request{Number: s.seen, At: at, Method: r.Method, Path: r.URL.Path, Behaviour: behaviour})
	if len(s.requests) > maxListed {
		s.requests = slices.Delete(s.requests, 0, 1)
	}
	return s.seen
}

func (s *server) finish(number, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.requests {
		if s.requests[i].Number == number {
			s.requests[i].Status = status
		}
	}
}

// listRequests implements GET /fake/requests.
func (s *server) listRequests(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	counts := map[string]int{}
	for _, r := range s.requests {
		counts[statusName(r.Status)]++
	}
	out := struct {
		Total    int            `json:"total"`
		Statuses map[string]int `json:"statuses"`
		Requests []request      `json:"requests"`
	}{s.seen, counts, append([]request{}, s.requests...)}
	s.mu.Unlock()
	writeJSON(w, out)
}

func statusName(status int) string {
	if status == lost {
		return "lost"
	}
	return strconv.Itoa(status)
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
	}{append([]plan{}, s.plans...), now, int64(s.offset / time.Second), s.seen}
	s.mu.Unlock()
	writeJSON(w, out)
}

// reset implements DELETE /fake: everything is as it was at the start.
func (s *server) reset(w http.ResponseWriter, _ *http.Request) {
	if err := s.begin(); err != nil {
		problem.Write(w, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// setClock implements PUT /fake/clock: how far the fake's clock is ahead of the real one.
func (s *server) setClock(w http.ResponseWriter, r *http.Request) {
	const century = 100 * 365 * 24 * 3600
	var in struct {
		Offset int64 `json:"offset_seconds"`
	}
	if !readJSON(w, r, &in) {
		return
	}
	if in.Offset < -century || in.Offset > century {
		badRequest(w, "offset_seconds: must be less than a century")
		return
	}
	s.mu.Lock()
	s.offset = time.Duration(in.Offset) * time.Second
	s.mu.Unlock()
	s.state(w, r)
}

// readJSON reads a body into v; no body leaves v as it is. It answers 400 and returns false if the body is not what v asks for.
func readJSON(w http.ResponseWriter, r *http.Request, v any) bool {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil && !errors.Is(err, io.EOF) {
		badRequest(w, "body: "+causeOf(err))
		return false
	}
	return true
}

// causeOf is what is wrong with a body. Where its type is, Go's own text would name types of Go.
func causeOf(err error) string {
	wrong, ok := errors.AsType[*json.UnmarshalTypeError](err)
	switch {
	case !ok:
		return err.Error()
	case wrong.Field == "":
		return "must not be " + wrong.Value
	}
	return wrong.Field + ": must not be " + wrong.Value
}

func badRequest(w http.ResponseWriter, causes ...string) {
	problem.Write(w, problem.New(http.StatusBadRequest, causes...))
}

func writeJSON(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		problem.Write(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write(append(data, '\n')) // an error means that the client has closed the connection
}
