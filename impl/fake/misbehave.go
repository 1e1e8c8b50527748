package fake

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/problem"
)

// answer is a ResponseWriter that keeps the answer in memory.
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

// send writes the answer to w, up to length bytes of the body.
func (a *answer) send(w http.ResponseWriter, length int) {
	maps.Copy(w.Header(), a.header)
	if a.body.Len() > 0 {
		w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	}
	w.WriteHeader(a.status)
	// An error means that the client has closed the connection.
	_, _ = w.Write(a.body.Bytes()[:length])
}

// breakOff sends half of the body and closes the connection.
func (a *answer) breakOff(w http.ResponseWriter) {
	a.send(w, a.body.Len()/2)
	_ = http.NewResponseController(w).Flush() // an error means that the client has gone
	panic(http.ErrAbortHandler)
}

// pageAnswer returns the HTML page of a plan.
func pageAnswer(p plan) *answer {
	a := &answer{
		header: http.Header{"Content-Type": {"text/html"}},
		status: cmp.Or(p.Status, http.StatusBadGateway),
	}
	a.body.WriteString("<html><body><h1>" + http.StatusText(a.status) + "</h1></body></html>\n")
	return a
}

// serve answers a request of the contract as the next plan says. If there is no plan, it answers as
// the real server does.
func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodOptions {
		s.serveReal(w, r) // a browser asks before it sends the request: no plan is for that
		return
	}
	token := tokenOf(r, readAhead(r))
	identity := s.identityOf(token)
	p := s.takePlan(r.URL.Path, token, identity)
	n := s.record(r, identity, string(p.Behaviour))
	if !p.waitForOthers(r) || !pause(r, time.Duration(p.DelayMS)*time.Millisecond) {
		return
	}
	a := s.perform(p, r, source{r.URL.Path, identity})
	if p.Behaviour == loseAnswer {
		panic(http.ErrAbortHandler) // net/http closes the connection
	}
	if p.Behaviour == truncate {
		a.breakOff(w)
	}
	s.setStatus(n, a.status)
	a.send(w, a.body.Len())
}

// source is a path and the identity that sends requests to it.
type source struct{ path, identity string }

// perform executes the plan and returns the answer.
func (s *server) perform(p plan, r *http.Request, from source) *answer {
	status, err := strconv.Atoi(string(p.Behaviour))
	switch {
	case err == nil:
		a := refusal(status, p, from.path)
		if final(status) && from.path == browser+"refresh" {
			a.header["Set-Cookie"] = s.cookieRemoval(r)
		}
		return a
	case p.Behaviour == page:
		return pageAnswer(p)
	case p.Behaviour == repeat:
		s.mu.Lock()
		a, found := s.answers[from]
		s.mu.Unlock()
		if found {
			return &a
		}
	}
	a := &answer{header: http.Header{}}
	s.serveReal(a, r)
	if a.status == http.StatusOK {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answers[from] = *a
	}
	return a
}

// cookieRemoval returns the Set-Cookie with which the real server removes the cookie of a browser.
func (s *server) cookieRemoval(r *http.Request) []string {
	logout := r.Clone(r.Context())
	logout.URL.Path, logout.Body = browser+"logout", http.NoBody
	logout.Header = http.Header{"Cookie": {"refresh=none; __Secure-refresh=none"}}
	a := &answer{header: http.Header{}}
	s.serveReal(a, logout)
	return a.header["Set-Cookie"]
}

// readAhead reads the body and returns it: until it is read, net/http does not notice that the
// client closes the connection. A body above maxBody is left to the real handler, which rejects it.
func readAhead(r *http.Request) []byte {
	if r.ContentLength > maxBody {
		return nil
	}
	head, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		return nil // the real handler gets the same error
	}
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(head), r.Body), r.Body}
	return head
}

// tokenOf returns the token in the body or in the cookie of a request, else its access token, or "".
func tokenOf(r *http.Request, body []byte) string {
	if strings.HasPrefix(r.URL.Path, oauth) {
		form, _ := url.ParseQuery(string(body)) // the real handler gets the same error
		return cmp.Or(form.Get("refresh_token"), form.Get("token"))
	}
	if strings.HasPrefix(r.URL.Path, browser) && r.URL.Path != browser+"login" {
		for _, name := range []string{"__Secure-refresh", "refresh"} {
			if cookie, err := r.Cookie(name); err == nil {
				return cookie.Value
			}
		}
		return ""
	}
	var in struct {
		RefreshToken string `json:"refresh_token"`
	}
	if json.Unmarshal(body, &in) == nil && in.RefreshToken != "" {
		return in.RefreshToken
	}
	access, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return access
}

// identityOf returns the identity in a token, or "". It does not verify the token.
func (s *server) identityOf(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	return s.config.Rules.LoginProfile().IdentityIn(payload)
}

// pause waits. It returns false if the client closes the connection in the meantime.
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

// waitForOthers waits for the other requests of the plan, if they are to be answered together. It
// returns false if the client closes the connection in the meantime.
func (p plan) waitForOthers(r *http.Request) bool {
	if p.Behaviour != together {
		return true
	}
	select {
	case <-p.used:
		return true
	case <-r.Context().Done():
		return false
	}
}

// refusal returns the answer of the contract with the status. A 421 or 422 has another form for
// OAuth clients.
func refusal(status int, p plan, path string) *answer {
	e := refusals()[status]
	if p.Cause != "" {
		e.Causes = []string{p.Cause}
	}
	if final(status) && strings.HasPrefix(path, oauth) {
		e = problem.InvalidGrant(e, nil)
	}
	e.RetryAfter = time.Duration(p.RetryAfter) * time.Second
	a := &answer{header: http.Header{"X-Request-Id": {"fake-" + strconv.Itoa(status)}}}
	problem.Write(a, e)
	return a
}

// final reports whether a status logs the user out.
func final(status int) bool {
	return status == http.StatusMisdirectedRequest || status == http.StatusUnprocessableEntity
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
