package contract

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
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

// Request is a request of a case.
type Request struct {
	Method, Path string
	Header       http.Header
	Body         []byte
	// Chunked sends the body without declaring its length.
	Chunked bool
}

// Answer is the answer to a request; the zero Answer if there was none.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Continued says that the server asked for a body that was sent with Expect: 100-continue.
	Continued bool
}

// envelope is the one shape of every error.
type envelope struct {
	Status  int
	Message string
	Error   string
	Causes  []string
}

// envelope returns the error; the zero envelope if there is none.
func (a Answer) envelope() envelope {
	var e envelope
	if json.Unmarshal(a.Body, &e) != nil {
		return envelope{}
	}
	return e
}

// patient sends the request again if a rate limit answers 429, after the time that it asks for.
func (r *Run) patient(q Request, want Want) (Answer, error) {
	for tries := 0; ; tries++ {
		a, err := r.exchange(q)
		limited := a.Status == http.StatusTooManyRequests && want.Status != a.Status
		if err != nil || !limited || tries == maxRetries {
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
	ctx := httptrace.WithClientTrace(r.ctx, &httptrace.ClientTrace{
		Got100Continue: func() { continued.Store(true) },
	})
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
	return Answer{resp.StatusCode, resp.Header, data, continued.Load()}, err
}

// ofProxy returns a reason if a proxy in front of the deployment answered in its place: nginx, for
// example, rejects a header that is sent twice with a page of its own.
func (a Answer) ofProxy(q Request) string {
	media, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	repeated := ""
	for name, values := range q.Header {
		if len(values) > 1 {
			repeated = name
		}
	}
	if repeated == "" || !strings.EqualFold(media, "text/html") ||
		a.Header.Get("X-Request-Id") != "" {
		return ""
	}
	return "a proxy in front of the deployment rejected the repeated header " + repeated +
		" itself, with status " + strconv.Itoa(a.Status)
}
