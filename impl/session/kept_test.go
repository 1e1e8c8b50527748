package session

import (
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
)

// TestKeptUntil: a revocation is kept until no token of its session can be valid, also one that the
// revoking program has not seen.
func TestKeptUntil(t *testing.T) {
	const (
		day   = int64(24 * time.Hour / time.Millisecond)
		known = 5 * day // until then the token at hand needs the revocation
	)
	// An exp may be 30 days and a minute after the revocation, rounded up to a whole day.
	const revokedAt, ofAny = 100 * day, (100+31)*day + 8*day
	one := revocation.Revocation{
		Kind:      revocation.OfSession,
		RevokedAt: revokedAt,
		KeptUntil: known,
		OneToken:  true,
	}
	many, everywhere := one, one
	many.OneToken = false
	everywhere.Kind, everywhere.KeptUntil = revocation.OfIdentity, revocation.Forever
	for name, c := range map[string]struct {
		r    revocation.Revocation
		l    Lifetimes
		want int64
	}{
		"one token, no rotation":       {one, Lifetimes{Max: 30 * day}, known},
		"one token, rotation":          {one, Lifetimes{Max: 30 * day, Rotation: true}, ofAny},
		"a session":                    {many, Lifetimes{Max: 30 * day}, ofAny},
		"a session, no limit is known": {many, Lifetimes{Rotation: true}, known},
		"a session whose row is kept longer": {many, Lifetimes{
			Max:          30 * day,
			RowKeptUntil: 900 * day,
		}, 900 * day},
		"an identity": {everywhere, Lifetimes{Max: 30 * day}, revocation.Forever},
	} {
		if got := KeptUntil(c.r, c.l); got != c.want {
			t.Errorf("%s: day %d, want %d", name, got/day, c.want/day)
		}
	}
	whole := 200*day - clockLeeway.Milliseconds()
	for now, want := range map[int64]int64{whole - 1: 230 * day, whole: 230 * day, whole + 1: 231 * day} {
		if got := latestExpiry(now, 30*day); got != want {
			t.Errorf("latestExpiry(%d): %d, want %d", now, got, want)
		}
	}
	if got := rowKeptUntil(3*day, 2*day); got != 11*day {
		t.Errorf("rowKeptUntil: day %d, want 11", got/day)
	}
}
