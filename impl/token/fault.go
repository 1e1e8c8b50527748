// Package token says whether a token is genuine and mints new ones: shape, header, key, signature,
// claims, in that order (RFC 7519, with the advice of RFC 8725). It is pure: keys come in as bytes,
// the time as an argument.
package token

// Fault says why a token is refused. Its text is the public cause: it names no value of the token.
// Compare with errors.Is.
type Fault string

// Error returns the public cause.
func (f Fault) Error() string { return string(f) }

// The faults of a token, in the order in which they are looked for. ErrExpired comes last of all:
// it is returned only for a token that has no other fault.
const (
	// ErrMalformed: not three canonical base64url parts, not strict JSON, or a known member of the
	// wrong JSON type.
	ErrMalformed Fault = "token is malformed"
	// ErrCritical: the header has crit (RFC 7515 section 4.1.11); no extension is supported here.
	ErrCritical Fault = "token needs an extension that is not supported"
	// ErrAlgorithm: alg is unknown, none, or not the one that the selected key is pinned to.
	ErrAlgorithm Fault = "algorithm is not allowed"
	// ErrUnknownKey: kid selects no key, or only one that has expired.
	ErrUnknownKey Fault = "key is unknown"
	// ErrSignature: the signature is not the selected key's.
	ErrSignature Fault = "signature is invalid"
	// ErrIssuer: iss is not the configured one, or an issuer's key signed for somebody else.
	ErrIssuer Fault = "issuer is not accepted"
	// ErrAudience: aud does not hold the configured one.
	ErrAudience Fault = "audience is not accepted"
	// ErrNotRefresh: type is not 1, or absent where it is required, or the token is fresh.
	ErrNotRefresh Fault = "token is not a refresh token"
	// ErrNotAccess: type is not 0.
	ErrNotAccess Fault = "token is not an access token"
	// ErrNoIdentity: identity is absent or empty.
	ErrNoIdentity Fault = "token has no identity"
	// ErrNoExpiry: exp is absent.
	ErrNoExpiry Fault = "token has no expiry"
	// ErrNotYet: nbf or iat is more than a minute ahead.
	ErrNotYet Fault = "token is not valid yet"
	// ErrLifetime: the time from iat (or from now, without iat) to exp is over Rules.MaxLifetime.
	ErrLifetime Fault = "token lives longer than is allowed"
	// ErrExpired: exp has come.
	ErrExpired Fault = "token has expired"
)
