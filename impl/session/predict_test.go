package session

import (
	"math"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
)

// TestPredict: the one statement of the common case never contradicts the table. It advances wherever
// the table says advance, except near the end of a session with an idle lifetime and after a change
// of the settings. Every combination near every bound is tried.
func TestPredict(t *testing.T) {
	for n, applied := 0, 0; ; n++ {
		left := n
		pick := func(values ...int64) int64 {
			v := values[left%len(values)]
			left /= len(values)
			return v
		}
		l := limits{window: pick(0, 2), skew: 1, idle: pick(0, 2000)}
		now := decideNow + pick(0, 999)
		have := Row{
			ID:         revocation.SessionID{1},
			Identity:   []string{"who", "other"}[pick(0, 1)],
			Generation: 2,
			StartedAt:  decideNow - pick(0, 1000, 2000),
			RotatedAt:  now - pick(-1, 0, 1, 2, 3),
			ExpiresAt:  decideNow + pick(0, 1000, 2000, 3000),
			KeptUntil:  math.MaxInt64,
		}
		have.EndsAt = have.ExpiresAt + pick(0, 1000, 2000)
		p := presented{
			subject:    subject{id: revocation.SessionID{1}, identity: "who"},
			generation: pick(1, 2, 3),
			expires:    have.ExpiresAt/1000 + pick(-1, 0, 1, 2),
			started:    have.StartedAt / 1000,
			trusted:    true,
		}
		s := revocation.State{HasCutoff: pick(0, 1) == 1, Cutoff: decideNow/1000 - pick(0, 1, 2)}
		if left > 0 {
			if applied == 0 {
				t.Error("the statement never applies")
			}
			return
		}
		if now >= p.expires*1000 {
			continue // the verifier has refused it
		}
		if predicted(t, l, have, p, s, moment{now: now, key: "k", userAgent: "u"}) {
			applied++
		}
	}
}

// predicted checks one combination, and reports whether the statement applies to it.
func predicted(t *testing.T, l limits, have Row, p presented, s revocation.State, at moment) bool {
	t.Helper()
	next, g := l.predict(p, s, at)
	applies := have.Identity == next.Identity && have.Generation == next.Generation-1 &&
		have.ExpiresAt > next.RotatedAt &&
		have.RotatedAt <= g.RotatedUntil && have.StartedAt >= g.StartedFrom &&
		have.EndsAt >= g.EndsFrom && have.EndsAt <= g.EndsUntil
	d := decide(&have, p, s, at, l)
	if next.StartedAt/1000 != have.StartedAt/1000 { // it is the auth_time of the access token
		t.Fatalf("the statement makes %+v\nof %+v", next, have)
	}
	next.StartedAt, next.EndsAt, next.KeptUntil = have.StartedAt, have.EndsAt, have.KeptUntil
	if applies && (d.answer != advance || d.healed || d.row != next) {
		t.Fatalf("the statement makes %+v\nof %+v\nthe table says %+v", next, have, d)
	}
	usual := l.idle == 0 && have.EndsAt == p.expires*1000 || l.idle > 0 &&
		have.EndsAt >= at.now+l.idle
	if !applies && d.answer == advance && !d.healed && usual {
		t.Fatalf("the statement does not apply to %+v\nthe table says %+v", have, d)
	}
	return applies
}
