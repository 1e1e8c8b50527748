package session

import (
	"context"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Row is one session in rotation mode, as the store keeps it. Times are Unix milliseconds.
type Row struct {
	ID       ID
	Identity string
	// StartedAt is when the login issued its token, or when the session was first seen where that is not known.
	StartedAt int64
	// Generation counts the refresh tokens of the session; the login's own is 0.
	Generation int64
	// RotatedAt is when the newest token came to be. In whole seconds it is that token's iat.
	RotatedAt int64
	// KeyID names the key that signed the newest token.
	KeyID string
	// Acknowledged: somebody has presented the newest token, so that it is known to have arrived.
	Acknowledged bool
	LastUsedAt   int64
	UserAgent    string
	// ExpiresAt is exactly the newest token's exp. EndsAt is the latest that the exp of a later one may be.
	ExpiresAt, EndsAt int64
	// KeptUntil is when no token of the session can be valid any more, those of the login included.
	KeptUntil int64
}

// Guard is what a row must be for an advance that was computed without reading it. Bounds are inclusive.
type Guard struct {
	RotatedUntil int64 // the window of the token presented is over
	StartedFrom  int64 // the session is younger than the cut-off of its identity
	EndsFrom     int64 // with this and the next, the successor's exp is right
	EndsUntil    int64
}

// Sessions is where rotation keeps its rows: each change is one statement, which applies as a whole or not at all.
type Sessions interface {
	// Adopt writes the first row of a session, and returns false if there is one.
	Adopt(ctx context.Context, r Row) (bool, error)
	// Advance makes next of the row that is one generation behind it, belongs to the same identity, has not expired at
	// next.RotatedAt and is within the guard. It returns false if the row is not so, or is not there. EndsAt and KeptUntil stay.
	Advance(ctx context.Context, next Row, g Guard) (bool, error)
	// Replace makes next of the row if that is still have, and returns false if it is not.
	Replace(ctx context.Context, have, next Row) (bool, error)
	// Session returns a session's row, or nil if there is none.
	Session(ctx context.Context, id ID) (*Row, error)
}

// Client is who sent a refresh, as far as that is known.
type Client struct {
	UserAgent string // as sent; it is shortened
	Address   string // for the log, where a token was reused
}

const maxUserAgent = 200 // characters

// shortened makes a user agent fit to be stored and shown: valid UTF-8, without control characters, 200 characters at most.
func shortened(userAgent string) string {
	if len(userAgent) <= maxUserAgent && isPlainASCII(userAgent) {
		return userAgent
	}
	// More than can be left of it need not be looked at, and a header may be long.
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
