package session

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"

	"kalsel.dev/refresh/impl/revocation"
)

// Row is one session in rotation mode, as the store keeps it. Times are Unix milliseconds.
type Row struct {
	ID       revocation.SessionID
	Identity string
	// StartedAt is when the login issued its token. If that is not known, it is when the session
	// was first seen.
	StartedAt int64
	// Generation counts the refresh tokens of the session. The login's own token is 0.
	Generation int64
	// RotatedAt is when the newest token was minted. In whole seconds it is that token's iat.
	RotatedAt int64
	// KeyID names the key that signed the newest token.
	KeyID string
	// Acknowledged: the newest token was presented, so it is known to have reached its client.
	Acknowledged bool
	LastUsedAt   int64
	UserAgent    string
	// ExpiresAt is exactly the newest token's exp. EndsAt is the latest exp that a later token may
	// have.
	ExpiresAt, EndsAt int64
	// KeptUntil is when no token of the session can be valid any more, the login's own included.
	KeptUntil int64
}

// Precondition is the condition on a stored row under which Advance applies. All bounds are inclusive.
type Precondition struct {
	RotatedUntil int64 // the presented token is older than the window
	StartedFrom  int64 // the session is younger than the cut-off of its identity
	EndsFrom     int64 // with EndsUntil: the successor's exp is right
	EndsUntil    int64
}

// sessionStore keeps the rows. Each change is one statement, which applies as a whole or not at
// all.
type sessionStore interface {
	// Adopt writes the first row of a session. It returns false if there is a row.
	Adopt(ctx context.Context, r Row) (bool, error)
	// Advance replaces the row by next if the row is one generation behind next, belongs to the
	// same identity, has not expired at next.RotatedAt and meets the precondition. Else it returns
	// false. EndsAt and KeptUntil stay.
	Advance(ctx context.Context, next Row, p Precondition) (bool, error)
	// Replace replaces the row by next if the row is still have. Else it returns false.
	Replace(ctx context.Context, have, next Row) (bool, error)
	// Session returns a session's row, or nil if there is none.
	Session(ctx context.Context, id revocation.SessionID) (*Row, error)
	signingKeys
}

// signingKeys remembers the thumbprints (RFC 7638) of the keys that have signed refresh tokens
// here.
type signingKeys interface {
	// NoteSigningKey stores a thumbprint.
	NoteSigningKey(ctx context.Context, thumbprint string) error
	// HasSigned reports whether NoteSigningKey has stored the thumbprint.
	HasSigned(ctx context.Context, thumbprint string) (bool, error)
}

const maxUserAgent = 200 // characters

// shortened returns a user agent that can be stored and shown: valid UTF-8 of at most 200 printable
// characters.
func shortened(userAgent string) string {
	if len(userAgent) <= maxUserAgent && isPlainASCII(userAgent) {
		return userAgent
	}
	// A header may be long. Its end cannot be among the 200 characters and need not be read.
	const most = maxUserAgent * utf8.UTFMax * 4
	userAgent = strings.ToValidUTF8(userAgent[:min(len(userAgent), most)], "\uFFFD")
	var b strings.Builder
	left := maxUserAgent
	for _, c := range userAgent {
		if left == 0 {
			break
		}
		if unicode.IsPrint(c) {
			b.WriteRune(c)
			left--
		}
	}
	return b.String()
}

func isPlainASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
