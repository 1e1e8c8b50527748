package session

import (
	"errors"
	"math"
	"testing"
	"time"

	"pgregory.net/rapid"

	"kalsel.dev/refresh/impl/token"
)

const (
	decideNow = int64(1_800_000_000_000)
	day       = 24 * int64(time.Hour/time.Millisecond)
)

func loginToken() presented {
	return presented{
		Subject: Subject{Session: ID{1}, Identity: "who", Started: decideNow/1000 - 3600, HasStarted: true},
		Expires: (decideNow + 30*day) / 1000,
	}
}

// TestAdoption: what becomes the row of a login's token that was not seen before.
func TestAdoption(t *testing.T) {
	at := moment{now: decideNow + 999, key: "k1", userAgent: "browser"}
	l := limits{window: 30_000, max: 365 * day}
	for _, c := range []struct {
		name                string
		change              func(*presented, *limits)
		started, ends, kept int64
		expires             int64
	}{
		{"iat", func(*presented, *limits) {}, decideNow - 3600_000, decideNow + 30*day, decideNow + 38*day, decideNow + 30*day},
		{"iat ahead", func(p *presented, _ *limits) { p.Started = decideNow/1000 + 50 },
			decideNow + 999, decideNow + 30*day, decideNow + 38*day, decideNow + 30*day},
		{"no iat", func(p *presented, _ *limits) { p.Started, p.HasStarted = 0, false },
			decideNow + 999, decideNow + 30*day, decideNow + 38*day, decideNow + 30*day},
		{"shorter session", func(_ *presented, l *limits) { l.session = 10 * day },
			decideNow - 3600_000, decideNow + 10*day - 3600_000, decideNow + 38*day, decideNow + 10*day - 3600_000},
		{"longer session", func(_ *presented, l *limits) { l.session = 100 * day },
			decideNow - 3600_000, decideNow + 100*day - 3600_000, decideNow + 108*day - 3600_000, decideNow + 100*day - 3600_000},
		{"idle", func(_ *presented, l *limits) { l.idle = 2 * day },
			decideNow - 3600_000, decideNow + 30*day, decideNow + 38*day, decideNow + 2*day},
		{"iat ahead at the longest life", func(p *presented, l *limits) { p.Started = decideNow/1000 + 50; l.max = 30*day - 1000 },
			decideNow + 999, decideNow + 30*day, decideNow + 38*day, decideNow + 30*day - 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, l := loginToken(), l
			c.change(&p, &l)
			d := decide(nil, p, Standing{}, at, l)
			want := Row{
				ID: ID{1}, Identity: "who", StartedAt: c.started, Generation: 1, RotatedAt: at.now, KeyID: "k1", LastUsedAt: at.now,
				UserAgent: "browser", ExpiresAt: c.expires, EndsAt: c.ends, KeptUntil: c.kept,
			}
			if d.answer != advance || !d.write || d.healed || d.row != want {
				t.Errorf("got  %+v\nwant %+v", d, want)
			}
		})
	}
}

// TestFaults: which fault is named, and that it has no other effect.
func TestFaults(t *testing.T) {
	at := moment{now: decideNow}
	row := decide(nil, loginToken(), Standing{}, moment{now: decideNow - day}, limits{}).row
	for _, c := range []struct {
		name   string
		change func(have *Row, p *presented, s *Standing, l *limits)
		noRow  bool
		want   error
	}{
		{"token expired", func(_ *Row, p *presented, s *Standing, _ *limits) { p.Expires, s.Revoked = decideNow/1000, true }, false, token.ErrExpired},
		{"session expired", func(r *Row, _ *presented, s *Standing, _ *limits) { r.ExpiresAt, s.Revoked = decideNow, true }, false, token.ErrExpired},
		{"session over before it was seen", func(_ *Row, _ *presented, _ *Standing, l *limits) { l.session = 3600_000 }, true, token.ErrExpired},
		{"another identity's", func(r *Row, _ *presented, s *Standing, _ *limits) { r.Identity, s.Revoked = "other", true }, false, ErrForeign},
		{"another identity's that expired", func(r *Row, _ *presented, _ *Standing, _ *limits) { r.Identity, r.ExpiresAt = "other", 0 }, false, ErrForeign},
		{"revoked", func(_ *Row, _ *presented, s *Standing, _ *limits) { s.Revoked = true }, false, ErrRevoked},
		{"revoked before it was seen", func(_ *Row, _ *presented, s *Standing, _ *limits) { s.Revoked = true }, true, ErrRevoked},
		{"cut off in the second of its start", func(r *Row, _ *presented, s *Standing, _ *limits) {
			r.StartedAt, s.HasCutoff, s.Cutoff = 5_999, true, 5
		}, false, ErrRevoked},
		{"undated", func(_ *Row, p *presented, s *Standing, _ *limits) {
			p.HasStarted, p.dateless, s.HasCutoff, s.Cutoff = false, true, true, 5
		}, true, ErrUndated},
		{"undated, and seen before the cut-off", func(r *Row, p *presented, s *Standing, _ *limits) {
			r.StartedAt, p.HasStarted, p.dateless, s.HasCutoff, s.Cutoff = 5_000, false, true, true, 5
		}, false, ErrRevoked},
		{"ahead of the store, whose start nobody knows", func(_ *Row, p *presented, s *Standing, _ *limits) {
			p.Generation, p.HasStarted, s.HasCutoff, s.Cutoff = 3, false, true, 5
		}, true, ErrRevoked},
	} {
		t.Run(c.name, func(t *testing.T) {
			have, p, s, l := row, loginToken(), Standing{}, limits{window: 30_000}
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

// TestYoungerThanTheCutoff: a session that started later is not refused, whatever its token says.
func TestYoungerThanTheCutoff(t *testing.T) {
	row := decide(nil, loginToken(), Standing{}, moment{now: decideNow}, limits{}).row
	row.StartedAt = 6_000
	p := loginToken()
	p.HasStarted, p.dateless = false, true
	if d := decide(&row, p, Standing{HasCutoff: true, Cutoff: 5}, moment{now: decideNow}, limits{window: 1}); d.answer != again {
		t.Errorf("got %+v", d)
	}
}

// TestRestored: a token that is ahead of its row, or has none, puts the row where the token is.
func TestRestored(t *testing.T) {
	p := presented{
		Subject: Subject{Session: ID{1}, Identity: "who"}, Generation: 7, IssuedAt: decideNow/1000 - 10,
		Expires: decideNow/1000 + 1000, KeyID: "old",
	}
	at := moment{now: decideNow, key: "new"}
	d := decide(nil, p, Standing{}, at, limits{window: 30_000})
	want := Row{
		ID: ID{1}, Identity: "who", StartedAt: decideNow - 10_000, Generation: 7, RotatedAt: decideNow - 10_000, KeyID: "old", Acknowledged: true,
		LastUsedAt: decideNow - 10_000, ExpiresAt: decideNow + 1000_000, EndsAt: decideNow + 1000_000, KeptUntil: decideNow + 1000_000 + 8*day,
	}
	if d.answer != same || !d.healed || !d.write || d.row != want {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
	// What the store has is expired already: the token knows better.
	have := Row{ID: ID{1}, Identity: "who", StartedAt: 1, Generation: 5, ExpiresAt: 5, EndsAt: decideNow + day, KeptUntil: decideNow + 9*day}
	d = decide(&have, p, Standing{}, at, limits{})
	if d.answer != advance || !d.healed || d.row.Generation != 8 || d.row.StartedAt != 1 || d.row.KeyID != "new" ||
		d.row.ExpiresAt != decideNow+day || d.row.KeptUntil != decideNow+9*day {
		t.Errorf("got %+v", d)
	}
}

// TestGuess: what the one statement of the common case does is what the table says; and it does it wherever the table says advance,
// but near the end of a session with an idle lifetime, and after settings were changed.
func TestGuess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		near := rapid.Int64Range(-3, 3)
		l := limits{window: rapid.SampledFrom([]int64{0, 2}).Draw(t, "window"), idle: rapid.SampledFrom([]int64{0, 2000}).Draw(t, "idle")}
		r := &rotator{limits: l}
		now := decideNow + rapid.Int64Range(0, 2000).Draw(t, "milliseconds")
		have := Row{
			ID: ID{1}, Identity: rapid.SampledFrom([]string{"who", "other"}).Draw(t, "identity"), Generation: rapid.Int64Range(1, 3).Draw(t, "generation"),
			StartedAt: decideNow - 1000*rapid.Int64Range(0, 3).Draw(t, "started"), RotatedAt: now + near.Draw(t, "rotated"),
			ExpiresAt: decideNow + 1000*near.Draw(t, "expires"), KeptUntil: math.MaxInt64,
		}
		have.EndsAt = have.ExpiresAt + 1000*rapid.Int64Range(0, 3).Draw(t, "ends")
		p := presented{Subject: Subject{Session: ID{1}, Identity: "who"}, Generation: rapid.Int64Range(1, 3).Draw(t, "presented"),
			Expires: have.ExpiresAt/1000 + near.Draw(t, "exp")}
		s := Standing{HasCutoff: rapid.Bool().Draw(t, "cut off"), Cutoff: decideNow/1000 - rapid.Int64Range(0, 3).Draw(t, "cutoff")}
		q := &redemption{p: p, at: moment{now: now, key: "k", userAgent: "u"}}
		if now >= p.Expires*1000 {
			t.Skip("the verifier has refused it")
		}
		next, g := r.guess(q, s)
		applies := have.Identity == next.Identity && have.Generation == next.Generation-1 && have.ExpiresAt > next.RotatedAt &&
			have.RotatedAt <= g.RotatedUntil && have.StartedAt >= g.StartedFrom && have.EndsAt >= g.EndsFrom && have.EndsAt <= g.EndsUntil
		d := decide(&have, p, s, q.at, l)
		next.StartedAt, next.EndsAt, next.KeptUntil = have.StartedAt, have.EndsAt, have.KeptUntil
		if applies && (d.answer != advance || d.healed || d.row != next) {
			t.Fatalf("the statement makes %+v, the table says %+v", next, d)
		}
		usual := l.idle == 0 && have.EndsAt == p.Expires*1000 || l.idle > 0 && have.EndsAt >= now+l.idle
		if !applies && d.answer == advance && !d.healed && usual {
			t.Fatalf("the statement does not apply, the table says %+v", d)
		}
	})
}

func TestShortened(t *testing.T) {
	long := func(s string, n int) (out string) {
		for range n {
			out += s
		}
		return out
	}
	for _, c := range []struct{ name, in, want string }{
		{"plain", "Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"},
		{"empty", "", ""},
		{"control characters", "a\x00b\nc\x7f\u0085d\u202ee", "abcde"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
		{"long", long("x", 300), long("x", 200)},
		{"characters, not bytes", long("é", 300), long("é", 200)},
		{"cut within a character", long("é", 1599) + "x", long("é", 200)},
	} {
		if got := shortened(c.in); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
