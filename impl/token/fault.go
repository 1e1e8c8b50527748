// Package token reads, verifies and mints one token (RFC 7519, with the advice of RFC 8725). It is
// pure: keys come in through a jwk.Source, the time as an argument.
package token

import (
	"errors"
	"time"
)

// Fault is the reason why a token is rejected. Its text is public and names no value of the token.
// Compare with errors.Is.
type Fault string

// Error returns the public text.
func (f Fault) Error() string { return string(f) }

// The faults of a token, in the order in which they are looked for. ErrExpired comes last: it is
// returned only for a token that has no other fault.
const (
	// ErrMalformed: the token is not three canonical base64url parts or not strict JSON, or a known
	// member has the wrong JSON type.
	ErrMalformed Fault = "token is malformed"
	// ErrCritical: the header has crit (RFC 7515 section 4.1.11). No extension is supported.
	ErrCritical Fault = "token needs an extension that is not supported"
	// ErrAlgorithm: alg is unknown, none, or not the one that the selected key is pinned to.
	ErrAlgorithm Fault = "algorithm is not allowed"
	// ErrUnknownKey: kid selects no key, or only a key that has expired.
	ErrUnknownKey Fault = "key is unknown"
	// ErrSignature: the signature is not the selected key's.
	ErrSignature Fault = "signature is invalid"
	// ErrIssuer: iss is not the configured issuer, or the key of an issuer signed without one.
	ErrIssuer Fault = "issuer is not accepted"
	// ErrAudience: aud does not hold the configured audience.
	ErrAudience Fault = "audience is not accepted"
	// ErrNotRefresh: the claim that tells refresh tokens from access tokens is not a refresh
	// token's, or is absent although it is required; the token is fresh; or its typ names another
	// kind of token.
	ErrNotRefresh Fault = "token is not a refresh token"
	// ErrNotAccess: that claim is not an access token's, or typ names another kind of token.
	ErrNotAccess Fault = "token is not an access token"
	// ErrBound: the token is bound to a key (cnf, RFC 7800), and no proof of that key is checked.
	ErrBound Fault = "token is bound to a key"
	// ErrNoIdentity: the claim with the identity is absent or empty.
	ErrNoIdentity Fault = "token has no identity"
	// ErrNoExpiry: exp is absent.
	ErrNoExpiry Fault = "token has no expiry"
	// ErrLifetime: the time from iat (or from now, without iat) to exp exceeds Rules.MaxLifetime.
	ErrLifetime Fault = "token lives longer than is allowed"
	// ErrTooLong: a token that is minted from it would be too long to be accepted.
	ErrTooLong Fault = "token is too long"
	// ErrNotYet: nbf or iat is more than 15 minutes ahead, or the token has expired at the same
	// time.
	ErrNotYet Fault = "token is not valid yet"
	// ErrExpired: exp has come.
	ErrExpired Fault = "token has expired"
)

// Rejection is a Fault with a hint that helps to mend it. It unwraps to the Fault.
type Rejection struct {
	Fault Fault
	// Cause is the hint for the caller. It names no value of the token.
	Cause string
	// Token is the rejected token if its signature held, for reports. It must not be used for
	// anything else.
	Token *Token
	// KeyID and Algorithm are set for ErrUnknownKey: the header's kid and alg.
	KeyID, Algorithm string
}

// Error returns the public text: the fault and, if there is one, the hint.
func (r *Rejection) Error() string {
	if r.Cause == "" {
		return r.Fault.Error()
	}
	return r.Fault.Error() + ": " + r.Cause
}

// Unwrap returns the fault.
func (r *Rejection) Unwrap() error { return r.Fault }

// withToken returns the rejection of a token whose signature held.
func withToken(err error, t *Token) error {
	rejection, ok := errors.AsType[*Rejection](err)
	if !ok {
		fault, _ := errors.AsType[Fault](err)
		rejection = &Rejection{Fault: fault}
	}
	rejection.Token = t
	return rejection
}

// because returns the fault with its cause.
func because(fault Fault, cause string) error { return &Rejection{Fault: fault, Cause: cause} }

// Early is the error for a genuine token whose only fault is that its iat or nbf is ahead of this
// clock. It is no Fault, because the caller may try again.
type Early struct {
	// Missing is the time until the token is valid.
	Missing time.Duration
}

// Error returns the public text.
func (e *Early) Error() string {
	return "token is not valid yet: the clock of the login is ahead of this server's clock"
}

// RetryAfter returns the time after which the caller may try again: 60 seconds at most.
func (e *Early) RetryAfter() time.Duration { return min(e.Missing, time.Minute) }
