package identity

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"
)

// reason says why there is no usable answer. Metrics and log lines have it.
type reason string

const (
	timeout       reason = "timeout"
	unreachable   reason = "unreachable"
	status        reason = "status"         // another status than 200, 403, 404 and 410
	invalid       reason = "invalid"        // not an answer of the contract
	otherIdentity reason = "other_identity" // the answer is about another user
	breakerOpen   reason = "breaker_open"
	busy          reason = "busy"       // more calls than Config.InFlight
	overLimit     reason = "gone_limit" // more than Config.GoneLimit
)

func reasons() []reason {
	return []reason{
		timeout, unreachable, status, invalid, otherIdentity, breakerOpen, busy, overLimit,
	}
}

// failure is the error for a question that has no usable answer.
type failure struct {
	reason reason
	text   string // it has nothing of the answer, and nothing of the URL but its host
	// final says that the token's own claims must not be used either.
	final bool
	wait  time.Duration // until the next try can succeed, if that is known
}

// Error implements error.
func (f *failure) Error() string { return f.text }

// RetryAfter returns how long the caller should wait.
func (f *failure) RetryAfter() time.Duration { return max(f.wait, time.Second) }

// unanswered returns why there was no answer to a request. Of the errors of net/http it passes on
// those alone that quote nothing of an answer.
func unanswered(err error) string {
	if untrusted, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return "its certificate is rejected: " + untrusted.Err.Error()
	}
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "its host name cannot be resolved"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" { // a TLS alert
		return "it ended the TLS handshake: " + op.Err.Error()
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return "it cannot be reached: " + number.Error()
	}
	switch {
	case errors.Is(err, http.ErrSchemeMismatch):
		return "it does not speak TLS"
	case errors.Is(err, io.EOF):
		return "it closed the connection without an answer"
	}
	return "it sent no HTTP answer"
}
