package identity

import "time"

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
	text   string // it holds nothing of the answer or of the URL
	// final says that the token's own claims must not be used either.
	final bool
	wait  time.Duration // until the next try can succeed, if that is known
}

// Error implements error.
func (f *failure) Error() string { return f.text }

// RetryAfter returns how long the caller should wait.
func (f *failure) RetryAfter() time.Duration { return max(f.wait, time.Second) }
