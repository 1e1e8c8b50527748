package session

import (
	"errors"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// TestFaults: which fault is named, and that it has no other effect.
func TestFaults(t *testing.T) {
	at := moment{now: decideNow}
	row := decide(nil, loginToken(), revocation.State{}, moment{now: decideNow - day}, limits{}).row
	for _, c := range []struct {
		name   string
		change func(have *Row, p *presented, s *revocation.State, l *limits)
		noRow  bool
		want   error
	}{
		{"token expired", func(_ *Row, p *presented, s *revocation.State, _ *limits) {
			p.expires, s.Revoked = decideNow/1000, true
		}, false, token.ErrExpired},
		{"session expired",
			func(r *Row, _ *presented, s *revocation.State, _ *limits) {
				r.ExpiresAt, s.Revoked = decideNow, true
			}, false, token.ErrExpired},
		{"session over before it was seen",
			func(_ *Row, _ *presented, _ *revocation.State, l *limits) { l.session = 3600_000 },
			true, token.ErrExpired},
		{"another identity's",
			func(r *Row, _ *presented, s *revocation.State, _ *limits) {
				r.Identity, s.Revoked = "other", true
			}, false, errForeign},
		{"another identity's that expired",
			func(r *Row, _ *presented, _ *revocation.State, _ *limits) {
				r.Identity, r.ExpiresAt = "other", 0
			}, false, errForeign},
		{"revoked", func(_ *Row, _ *presented, s *revocation.State, _ *limits) {
			s.Revoked = true
		}, false, ErrRevoked},
		{"revoked before it was seen",
			func(_ *Row, _ *presented, s *revocation.State, _ *limits) { s.Revoked = true }, true,
			ErrRevoked},
		{"cut off in the second of its start",
			func(r *Row, _ *presented, s *revocation.State, _ *limits) {
				r.StartedAt, s.HasCutoff, s.Cutoff = 5_999, true, 5
			}, false, ErrRevoked},
		{"undated", func(_ *Row, p *presented, s *revocation.State, _ *limits) {
			p.subject.hasStarted, p.subject.undated, s.HasCutoff, s.Cutoff = false, true, true, 5
		}, true, ErrUndated},
		{"undated, and seen before the cut-off",
			func(r *Row, p *presented, s *revocation.State, _ *limits) {
				r.StartedAt, p.subject.hasStarted, p.subject.undated, s.HasCutoff, s.Cutoff = 5_000, false, true, true, 5
			}, false, ErrRevoked},
		{"ahead of the row under a key that never signed here",
			func(_ *Row, p *presented, s *revocation.State, _ *limits) {
				p.generation, p.trusted, s.Revoked = 3, false, true
			}, false, ErrAhead},
		{"without a row under a key that never signed here",
			func(_ *Row, p *presented, s *revocation.State, _ *limits) {
				p.generation, p.trusted, s.Revoked = 1, false, true
			}, true, ErrAhead},
		{"rotated later than the clocks may differ",
			func(r *Row, _ *presented, _ *revocation.State, l *limits) {
				r.RotatedAt, l.skew = decideNow+10_001, 10_000
			}, false, revocation.ErrClock},
		{"ahead of the store, minted later than the clocks may differ",
			func(_ *Row, p *presented, _ *revocation.State, l *limits) {
				p.generation, p.issuedAt, l.skew = 3, decideNow/1000+11, 10_000
			}, true, revocation.ErrClock},
		{"revoked, and rotated later than the clocks may differ",
			func(r *Row, _ *presented, s *revocation.State, l *limits) {
				r.RotatedAt, s.Revoked, l.skew = decideNow+10_001, true, 10_000
			}, false, ErrRevoked},
		{"ahead of the store, whose start nobody knows",
			func(_ *Row, p *presented, s *revocation.State, _ *limits) {
				p.generation, p.subject.hasStarted, s.HasCutoff, s.Cutoff = 3, false, true, 5
			}, true, ErrRevoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, p, s, l := row, loginToken(), revocation.State{}, limits{window: 30_000}
			c.change(&have, &p, &s, &l)
			stored := &have
			if c.noRow {
				stored = nil
			}
			before := have
			d := decide(stored, p, s, at, l)
			if d.answer != refuse || !errors.Is(d.fault, c.want) || d.write || have != before {
				t.Errorf("got %+v, want %v and nothing else", d, c.want)
			}
		})
	}
}

// TestClockErrorTellsTheWait: the caller learns when this clock will have come so far, and that it
// should try again within a minute.
func TestClockErrorTellsTheWait(t *testing.T) {
	for rotatedAt, want := range map[int64]time.Duration{
		decideNow + 10_000 + 15_250: 15_250 * time.Millisecond,
		decideNow + 10_000 + 90_000: time.Minute,
	} {
		p := loginToken()
		row := decide(nil, p, revocation.State{}, moment{now: decideNow - day}, limits{}).row
		row.RotatedAt = rotatedAt
		d := decide(&row, p, revocation.State{}, moment{now: decideNow}, limits{skew: 10_000})
		var late *clockError
		if !errors.As(d.fault, &late) || late.RetryAfter() != want {
			t.Errorf("fault %v, want one with %v", d.fault, want)
		}
	}
}
