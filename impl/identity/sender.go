package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/session"
)

// maxAnswer is the size of the largest answer that is read, in bytes.
const maxAnswer = 64 << 10

// sender sends questions over HTTP.
type sender struct {
	url        string
	timeout    time.Duration
	credential *Credential // nil: none is sent
	client     *http.Client
}

func newSender(c Config) *sender {
	// With HTTP/2 all calls would share one connection, and would stop together with it.
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	client := &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment,
			// net/http goes on to connect after the question is given up.
			DialContext:            (&net.Dialer{Timeout: c.Timeout}).DialContext,
			TLSHandshakeTimeout:    c.Timeout,
			Protocols:              &protocols,
			MaxIdleConnsPerHost:    c.InFlight,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxAnswer,
			DisableCompression:     true,
		},
		// A redirect would send the user's claims to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &sender{url: c.URL, timeout: c.Timeout, credential: c.Credential, client: client}
}

// question is the body of a request: IdentityRequest in openapi.yaml.
type question struct {
	Identity string          `json:"identity"`
	Session  string          `json:"session,omitempty"`
	Claims   json.RawMessage `json:"claims"`
}

// send asks the user service. If there is no usable answer, it returns a failure.
func (s *sender) send(ctx context.Context, q session.UserQuestion) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	body, err := json.Marshal(question{q.Identity, q.Session, json.RawMessage(q.Claims)})
	if err != nil {
		return answer{}, err // claims of a token that was read are JSON
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, &failure{reason: unreachable, text: "its URL is malformed"}
	}
	s.setHeader(ctx, r.Header)
	response, err := s.client.Do(r)
	if err != nil {
		return answer{}, s.notAnswered(ctx, unanswered(err))
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
	default:
		return answer{}, &failure{
			reason: status,
			text:   "it answered with the status " + strconv.Itoa(response.StatusCode),
		}
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	if err != nil {
		return answer{}, s.notAnswered(ctx, "its answer broke off")
	}
	return read(response, data, q.Identity)
}

// setHeader sets the header fields of a question.
func (s *sender) setHeader(ctx context.Context, h http.Header) {
	h.Set("Content-Type", "application/json")
	h.Set("Accept", "application/json")
	h.Set("User-Agent", "refreshd")
	// A question changes nothing. With this key net/http sends it again if an idle connection turns
	// out to be closed; the key itself is not sent.
	h["X-Idempotency-Key"] = nil
	if s.credential != nil {
		h.Set("Authorization", "Bearer "+s.credential.file.Value())
	}
	from := caller.Of(ctx)
	if from.RequestID != "" {
		h.Set("X-Request-Id", from.RequestID)
	}
	if trace := from.Traceparent(); trace != "" {
		h.Set("Traceparent", trace)
	}
}

// notAnswered returns the failure of a call whose answer did not arrive, or context.Canceled if
// no question waits for the answer any more.
func (s *sender) notAnswered(ctx context.Context, text string) error {
	switch err := ctx.Err(); {
	case errors.Is(err, context.Canceled):
		return err
	case err == nil:
		return &failure{reason: unreachable, text: text}
	}
	// The network may have lost the other idle connections too.
	s.client.CloseIdleConnections()
	return &failure{reason: timeout, text: "it did not answer within " + s.timeout.String()}
}
