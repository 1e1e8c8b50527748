package revocation

import (
	"math"
	"testing"
)

// TestMemoryKeepsWholeSeconds: a revocation stays until the second in which it need not be kept any
// more is over.
func TestMemoryKeepsWholeSeconds(t *testing.T) {
	for _, c := range []struct {
		keptUntil   int64 // Unix milliseconds
		last, first int64 // the last second in which it is kept, the first in which it is not
	}{
		{1000, 2, 3},
		{1999, 2, 3},
		{2000, 3, 4},
		{Forever, math.MaxUint32, math.MaxUint32 + 1},
	} {
		var m memory
		id := SessionID{1}
		m.apply(Change{Kind: OfSession, Key: id, KeptUntil: c.keptUntil})
		m.expire(c.last)
		if !m.lookup(id, "").Revoked {
			t.Errorf("%d ms: gone at second %d", c.keptUntil, c.last)
		}
		m.expire(c.first)
		if gone := !m.lookup(id, "").Revoked; gone != (c.keptUntil != Forever) {
			t.Errorf("%d ms: at second %d gone: %v", c.keptUntil, c.first, gone)
		}
	}
}

// TestMemoryOfTimesOutOfRange: a time before 1970 is taken as 1970, and one after 2106 as 2106.
func TestMemoryOfTimesOutOfRange(t *testing.T) {
	for milliseconds, want := range map[int64]int64{
		-5000:         0,
		0:             0,
		1999:          1,
		math.MaxInt64: math.MaxUint32,
	} {
		var m memory
		change := Change{Kind: OfIdentity, Key: HashOfIdentity("ann"), RevokedAt: milliseconds}
		m.apply(change)
		if got := m.lookup(SessionID{}, "ann"); !got.HasCutoff || got.Cutoff != want {
			t.Errorf("%d ms: got %+v, want the cut-off %d", milliseconds, got, want)
		}
	}
}

// TestMemoryLength: sessions and cut-offs count together.
func TestMemoryLength(t *testing.T) {
	var m memory
	m.apply(Change{Kind: OfSession, Key: Key{1}, KeptUntil: Forever})
	m.apply(Change{Kind: OfSession, Key: Key{2}, KeptUntil: Forever})
	m.apply(Change{Kind: OfIdentity, Key: HashOfIdentity("ann")})
	if got := m.length(); got != 3 {
		t.Errorf("length %d, want 3", got)
	}
}
