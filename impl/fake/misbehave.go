package fake

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/problem"
)

// answer is an HTTP answer that is held back, repeated or lost.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *answer) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), a.header)
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body.Bytes()) //nolint:gosec // JSON, and the caller who has gone needs no word of it
}

// misbehave answers a request of the contract as the next plan says, and as the real server does when there is none.
func (s *server) misbehave(w http.ResponseWriter, r *http.Request) {
	p := s.takePlan(r.URL.Path)
	n := s.record(r, p.Behaviour)
	readAhead(r)
	if !pause(r, time.Duration(p.DelayMS)*time.Millisecond) {
		s.finish(n, lost)
		return
	}
	a := s.perform(p, r)
	if p.Behaviour == loseAnswer {
		s.finish(n, lost)
		panic(http.ErrAbortHandler) // net/http cuts the connection
	}
	s.finish(n, a.status)
	a.send(w)
}

// perform does what the plan says and returns the answer.
func (s *server) perform(p plan, r *http.Request) *answer {
	if status, err := strconv.Atoi(p.Behaviour); err == nil {
		return refusal(status, p)
	}
	if p.Behaviour == repeat {
		if a, ok := s.lastAnswer(r.URL.Path); ok {
			return &a
		}
	}
	a := &answer{header: http.Header{}}
	s.serveReal(a, r)
	if a.status == http.StatusOK {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answers[r.URL.Path] = *a
	}
	return a
}

func (s *server) lastAnswer(path string) (answer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.answers[path]
	return a, ok
}

// readAhead takes in the body: until it is read, net/http does not notice that the caller goes away. A body that is too large
// anyway is left to the real handler, which refuses it before it is sent.
func readAhead(r *http.Request) {
	if r.ContentLength > maxBody {
		return
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return // the real handler meets the same error
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
}

// pause waits; it returns false if the caller went away meanwhile.
func pause(r *http.Request, d time.Duration) bool {
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.Context().Done():
		return false
	}
}

// refusal is the contract's answer of a status.
func refusal(status int, p plan) *answer {
	e := refusals()[status]
	if p.Cause != "" {
		e.Causes = []string{p.Cause}
	}
	e.RetryAfter = time.Duration(p.RetryAfter) * time.Second
	a := &answer{header: http.Header{"X-Request-Id": {"fake-" + strconv.Itoa(status)}}}
	problem.Write(a, e)
	return a
}

// refusals returns the errors that a plan can order, by status.
func refusals() map[int]*problem.Error {
	return map[int]*problem.Error{
		421: problem.New(421, "token has expired"),
		422: problem.New(422, "token is revoked"),
		429: problem.New(429),
		500: problem.New(500),
		503: problem.New(503, "the session store is not available"),
	}
}
