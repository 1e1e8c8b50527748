package session

import (
	"time"

	"kalsel.dev/refresh/impl/revocation"
)

// How long rows are kept is decided in this file. A revocation of a session, and the row of a
// session, are kept until no token of the session can be valid any more, and for 8 days after that.
// The cut-off of an identity is kept for ever.

const (
	// keptAfterExpiry, in milliseconds, is the 7 days that an access token may live, and a day for
	// clocks that differ.
	keptAfterExpiry = 8 * 24 * int64(time.Hour/time.Millisecond)
	// clockLeeway is how far ahead of this clock a token's iat may be.
	clockLeeway = time.Minute
)

// Lifetimes holds the limits of the lifetimes of a session's tokens. The store keeps them, so that
// they do not depend on the settings of the program that revokes.
type Lifetimes struct {
	Max          int64 // the longest that any server's settings have allowed, in milliseconds; 0: not known
	Rotation     bool  // a server has had rotation on: any session may have more tokens than the one at hand
	RowKeptUntil int64 // of the session's row, if it has one
}

// KeptUntil returns until when a revocation has to be kept, in Unix milliseconds or
// revocation.Forever.
func KeptUntil(r revocation.Revocation, l Lifetimes) int64 {
	kept := max(r.KeptUntil, l.RowKeptUntil)
	if r.Kind == revocation.OfSession && l.Max > 0 && (!r.OneToken || l.Rotation) {
		kept = max(kept, latestExpiry(r.RevokedAt, l.Max)+keptAfterExpiry)
	}
	return kept
}

// latestExpiry returns the latest exp that any token of now may have, in Unix milliseconds. It is
// rounded up to a whole day, so that a second revocation of the same session changes nothing in the
// store.
func latestExpiry(now, maxLifetime int64) int64 {
	const day = int64(24 * time.Hour / time.Millisecond)
	latest := now + maxLifetime + clockLeeway.Milliseconds()
	return (latest + day - 1) / day * day
}

// rowKeptUntil returns until when a session's row has to be kept. Its login's own token may live
// longer than its later ones.
func rowKeptUntil(endsAt, loginExpires int64) int64 {
	return max(endsAt, loginExpires) + keptAfterExpiry
}
