package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	maxAnswer  = 4 << 20
	maxRetries = 5
	maxWait    = 30 * time.Second
)

// Run is one case under way. Breaches are collected, so that a report shows everything that is wrong at once.
type Run struct {
	Target
	ctx       context.Context
	spec      *spec
	seen      coverage
	base      *url.URL
	exchanges int
	breaches  []string
}

// Request is what a case sends.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	// Chunked sends the body without declaring its length.
	Chunked bool
}

// Answer is what came back; the zero Answer if nothing did.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Continued says that the server asked for a body that was sent with Expect: 100-continue.
	Continued bool
}

// Want is what the answer has to be.
type Want struct {
	Status int
	// Kind is the field error of an error envelope.
	Kind string
	// Message and Causes are judged where Target.Exact is set; empty and nil are not judged.
	Message string
	Causes  []string // see sameCause
	// Silent says why the document itself cannot tell that the request is wrong.
	Silent string
	// Refuses says that the document refuses the request too, though the status has another reason.
	Refuses bool
}

// Breach notes that the contract is not kept. Tokens are taken out of the text.
func (r *Run) Breach(format string, args ...any) {
	r.breaches = append(r.breaches, scrub(fmt.Sprintf(format, args...)))
}

// Send sends a request and judges it and its answer: by the document, by the promises that hold for every answer,
// and by want.
func (r *Run) Send(q Request, want Want) Answer {
	if q.Header == nil {
		q.Header = http.Header{}
	}
	r.exchanges++
	a, err := r.patient(q, want)
	if err != nil {
		r.Breach("no answer: %v", err)
		return Answer{}
	}
	r.judgeByDocument(q, a, want)
	r.judgeEverywhere(q, a)
	r.judgeWant(q, a, want)
	return a
}

// patient sends again when a rate limit stands in front of the deployment, after the time that it asks for.
func (r *Run) patient(q Request, want Want) (Answer, error) {
	for tries := 0; ; tries++ {
		a, err := r.exchange(q)
		if err != nil || a.Status != http.StatusTooManyRequests || want.Status == a.Status || tries == maxRetries {
			return a, err
		}
		seconds, err := strconv.Atoi(a.Header.Get("Retry-After"))
		if err != nil {
			seconds = 1
		}
		select {
		case <-r.ctx.Done():
			return a, r.ctx.Err()
		case <-time.After(min(time.Duration(seconds)*time.Second, maxWait)):
		}
	}
}

func (r *Run) exchange(q Request) (Answer, error) {
	var body io.Reader = bytes.NewReader(q.Body)
	if q.Chunked {
		body = struct{ io.Reader }{body} // hides the length from net/http
	}
	if q.Body == nil {
		body = nil
	}
	path, query, _ := strings.Cut(q.Path, "?")
	u := r.base.JoinPath(path)
	u.RawQuery = query
	var continued atomic.Bool
	ctx := httptrace.WithClientTrace(r.ctx, &httptrace.ClientTrace{Got100Continue: func() { continued.Store(true) }})
	req, err := http.NewRequestWithContext(ctx, q.Method, u.String(), body)
	if err != nil {
		return Answer{}, err
	}
	req.Header = q.Header.Clone()
	resp, err := r.Client.Do(req)
	if err != nil {
		if outer, ok := errors.AsType[*url.Error](err); ok {
			err = outer.Err // without the URL, which may hold a password
		}
		return Answer{}, err
	}
	defer func() { _ = resp.Body.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: data, Continued: continued.Load()}, err
}

func (r *Run) judgeByDocument(q Request, a Answer, want Want) {
	e := r.spec.find(r.ctx, q, a)
	if e == nil {
		return
	}
	r.seen[operationStatus{e.operation(), a.Status}]++
	if err := e.response(r.ctx); err != nil {
		r.Breach("the answer departs from the document: %v", err)
	}
	err := e.request(r.ctx)
	refuse := want.Refuses || want.Status == http.StatusBadRequest || want.Status == http.StatusUnsupportedMediaType
	switch {
	case err != nil && !refuse:
		r.Breach("the document refuses this request, the case wants %d: %v", want.Status, err)
	case err == nil && refuse && want.Silent == "":
		r.Breach("the document accepts this request, the case wants %d", want.Status)
	}
}

// Check judges one exchange without a case: accepted is what the document says of the request, breaches is what is wrong
// with the answer. A request that the document does not know is accepted.
func (s *Suite) Check(ctx context.Context, q Request, a Answer) (accepted bool, breaches []string) {
	r := &Run{ctx: ctx, spec: s.spec}
	accepted = true
	if e := s.spec.find(ctx, q, a); e != nil {
		accepted = e.request(ctx) == nil
		if err := e.response(ctx); err != nil {
			r.Breach("the answer departs from the document: %v", err)
		}
	}
	r.judgeEverywhere(q, a)
	return accepted, r.breaches
}

// judgeEverywhere checks what is promised for every answer.
func (r *Run) judgeEverywhere(q Request, a Answer) {
	if a.Header.Get("X-Request-Id") == "" {
		r.Breach("X-Request-Id is missing")
	}
	failed := a.Status >= http.StatusBadRequest
	if (failed || strings.HasPrefix(q.Path, "/api/")) && !hasDirective(a.Header, "no-store") {
		r.Breach("Cache-Control is %q, want no-store", a.Header.Get("Cache-Control"))
	}
	if failed && q.Method != http.MethodHead {
		r.judgeEnvelope(a)
	}
}

func hasDirective(h http.Header, directive string) bool {
	for _, value := range h.Values("Cache-Control") {
		for d := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(d), directive) {
				return true
			}
		}
	}
	return false
}

// judgeEnvelope checks that an error has the four fields and nothing else.
func (r *Run) judgeEnvelope(a Answer) {
	if media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		r.Breach("Content-Type of an error is %q, want application/json", a.Header.Get("Content-Type"))
	}
	var fields map[string]any
	if err := json.Unmarshal(a.Body, &fields); err != nil {
		r.Breach("the error is not a JSON object")
		return
	}
	if err := r.spec.checkEnvelope(fields); err != nil {
		r.Breach("the error departs from ErrorEnvelope: %v", err)
	}
	for name := range fields {
		if !slices.Contains([]string{"status", "message", "error", "causes"}, name) {
			r.Breach("the error has a fifth field, %q", name)
		}
	}
	if status, ok := fields["status"].(float64); ok && int(status) != a.Status {
		r.Breach("field status is %v, the HTTP status is %d", status, a.Status)
	}
}

func (r *Run) judgeWant(q Request, a Answer, want Want) {
	if a.Status != want.Status {
		r.Breach("status is %d, want %d (%s)", a.Status, want.Status, excerpt(a.Body))
		return
	}
	if want.Kind == "" || q.Method == http.MethodHead {
		return
	}
	e := a.Envelope()
	if e.Error != want.Kind {
		r.Breach("error is %q, want %q", e.Error, want.Kind)
	}
	if !r.Exact {
		return
	}
	if want.Message != "" && e.Message != want.Message {
		r.Breach("message is %q, want %q", e.Message, want.Message)
	}
	if want.Causes != nil && !slices.EqualFunc(e.Causes, want.Causes, sameCause) {
		r.Breach("causes are %q, want %q", e.Causes, want.Causes)
	}
}

// sameCause reports that a cause is the wanted one. It may go on to say what to mend.
func sameCause(got, want string) bool {
	more, ok := strings.CutPrefix(got, want)
	return ok && (more == "" || strings.HasPrefix(more, ": ") || strings.HasPrefix(more, "; ") ||
		strings.HasPrefix(more, " ("))
}

// Envelope is the one shape of every error.
type Envelope struct {
	Status  int
	Message string
	Error   string
	Causes  []string
}

// Envelope reads the error; the zero Envelope if there is none.
func (a Answer) Envelope() Envelope {
	var e Envelope
	if json.Unmarshal(a.Body, &e) != nil {
		return Envelope{}
	}
	return e
}
