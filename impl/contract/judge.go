package contract

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// Want is the answer that a case wants.
type Want struct {
	Status int
	// Kind is the field error of an error envelope; "" is not judged.
	Kind string
	// Message and Causes are judged at LevelExact; "" and nil are not judged.
	Message string
	Causes  []string
	// Silent says why the document itself cannot tell that the request is wrong.
	Silent string
	// Refuses says that the document rejects the request too, though the status has another reason.
	Refuses bool
}

// breach notes that the deployment breaks the contract. cause is the same for like breaches; format
// and args describe the observation. Tokens are removed from both.
func (r *Run) breach(cause, format string, args ...any) {
	r.breaches = append(r.breaches, Breach{scrub(cause), scrub(fmt.Sprintf(format, args...))})
}

// Send sends a request and judges the answer: by the document, by the promises that hold for every
// answer, and by want.
func (r *Run) send(q Request, want Want) Answer {
	if q.Header == nil {
		q.Header = http.Header{}
	}
	r.exchanges++
	a, err := r.patient(q, want)
	if err != nil {
		r.breach("a request got no answer", "%v", err)
		return Answer{}
	}
	if r.left = a.ofProxy(q); r.left != "" {
		return Answer{}
	}
	if r.Level != LevelPage {
		r.judgeByDocument(q, a, want)
		r.judgeEverywhere(q, a)
	}
	r.judgeWant(q, a, want)
	return a
}

func (r *Run) judgeByDocument(q Request, a Answer, want Want) {
	e := r.spec.find(r.ctx, q, a)
	if e == nil {
		return
	}
	r.seen[operationStatus{e.operation(), a.Status}]++
	for _, departure := range e.response(r.ctx) {
		r.breach("an answer departs from the document: "+departure, "")
	}
	if r.exact() {
		for _, name := range e.undeclared() {
			r.breach("an answer has "+name+", which the document does not declare", "")
		}
	}
	if cause := e.security(); cause != "" {
		r.breach(cause, "the status is %d", a.Status)
	}
	err := e.request(r.ctx)
	refuse := want.Refuses || want.Status == http.StatusBadRequest ||
		want.Status == http.StatusUnsupportedMediaType
	switch {
	case err != nil && !refuse:
		r.breach(
			fmt.Sprintf("the document rejects a request that must be answered %d", want.Status),
			"%v",
			err,
		)
	case err == nil && refuse && want.Silent == "":
		r.breach(
			fmt.Sprintf("the document accepts a request that must be answered %d", want.Status),
			"",
		)
	}
}

// Check judges one exchange without a case. accepted reports whether the document accepts the
// request; breaches lists the faults of the answer. A request that the document does not know is
// accepted.
func (s *Suite) Check(ctx context.Context, q Request, a Answer) (accepted bool, breaches []string) {
	r := &Run{ctx: ctx, spec: s.spec}
	accepted = true
	if e := s.spec.find(ctx, q, a); e != nil {
		accepted = e.request(ctx) == nil
		for _, departure := range e.response(ctx) {
			r.breach("an answer departs from the document: "+departure, "")
		}
	}
	r.judgeEverywhere(q, a)
	for _, breach := range r.breaches {
		breaches = append(breaches, breach.String())
	}
	return accepted, breaches
}

// judgeEverywhere checks the promises for every answer.
func (r *Run) judgeEverywhere(q Request, a Answer) {
	if a.Header.Get("X-Request-Id") == "" {
		r.breach("every answer must have the header X-Request-Id", "it is missing")
	}
	failed := a.Status >= http.StatusBadRequest
	if (failed || strings.HasPrefix(q.Path, "/api/")) && !hasDirective(a.Header, "no-store") {
		r.breach(
			"errors, and all answers under /api/, must have the header Cache-Control: no-store",
			"it is %q",
			a.Header.Get("Cache-Control"),
		)
	}
	if failed && q.Method != http.MethodHead {
		r.judgeEnvelope(q, a)
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

// judgeEnvelope checks that an error has the four fields and no other. Errors of OAuth operations
// may have an error_description.
func (r *Run) judgeEnvelope(q Request, a Answer) {
	media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		r.breach(
			"the Content-Type of an error must be application/json",
			"it is %q",
			a.Header.Get("Content-Type"),
		)
	}
	var fields map[string]any
	if err := json.Unmarshal(a.Body, &fields); err != nil {
		r.breach("an error must be a JSON object", "%s", excerpt(a.Body))
		return
	}
	for _, departure := range r.spec.checkEnvelope(fields) {
		r.breach("an error departs from the schema ErrorEnvelope: "+departure, "")
	}
	if strings.HasPrefix(q.Path, "/oauth2/") {
		delete(fields, "error_description")
	}
	for name := range fields {
		if !slices.Contains([]string{"status", "message", "error", "causes"}, name) {
			r.breach("an error must have four fields and no other", "it has %q", name)
		}
	}
	if status, ok := fields["status"].(float64); ok && int(status) != a.Status {
		r.breach("the field status of an error must be the HTTP status",
			"it is %v, the HTTP status is %d", status, a.Status)
	}
}

// sameCause reports whether a cause is the wanted one. The cause may go on with advice.
func sameCause(got, want string) bool {
	more, ok := strings.CutPrefix(got, want)
	return ok && (more == "" || strings.HasPrefix(more, ": ") || strings.HasPrefix(more, "; ") ||
		strings.HasPrefix(more, " ("))
}

func (r *Run) judgeWant(q Request, a Answer, want Want) {
	if a.Status != want.Status {
		r.breach(
			fmt.Sprintf("the status must be %d and is %d", want.Status, a.Status),
			"%s",
			excerpt(a.Body),
		)
		return
	}
	if want.Kind == "" || q.Method == http.MethodHead || r.Level == LevelPage {
		return
	}
	e := a.envelope()
	if e.Error != want.Kind {
		r.breach(fmt.Sprintf("the field error must be %q", want.Kind), "it is %q", e.Error)
	}
	if !r.exact() {
		return
	}
	if want.Message != "" && e.Message != want.Message {
		r.breach(fmt.Sprintf("the field message must be %q", want.Message), "it is %q", e.Message)
	}
	if want.Causes != nil && !slices.EqualFunc(e.Causes, want.Causes, sameCause) {
		r.breach(fmt.Sprintf("the causes must be %q", want.Causes), "they are %q", e.Causes)
	}
}
