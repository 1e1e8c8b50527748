package session

import (
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

const (
	decideNow = int64(1_800_000_000_000)
	day       = 24 * int64(time.Hour/time.Millisecond)
)

func loginToken() presented {
	return presented{
		subject: subject{
			id:         revocation.SessionID{1},
			identity:   "who",
			started:    decideNow/1000 - 3600,
			hasStarted: true,
		},
		expires: (decideNow + 30*day) / 1000,
		trusted: true,
	}
}

// TestAdoption: the row that is made for a login's token that was not seen before.
func TestAdoption(t *testing.T) {
	at := moment{now: decideNow + 999, key: "k1", userAgent: "browser"}
	l := limits{window: 30_000, max: 365 * day}
	for _, c := range []struct {
		name                string
		change              func(*presented, *limits)
		started, ends, kept int64
		expires             int64
	}{
		{"iat", func(*presented, *limits) {}, decideNow - 3600_000, decideNow + 30*day,
			decideNow + 38*day, decideNow + 30*day},
		{"iat ahead", func(p *presented, _ *limits) { p.subject.started = decideNow/1000 + 50 },
			decideNow + 999, decideNow + 30*day, decideNow + 38*day, decideNow + 30*day},
		{"no iat", func(p *presented, _ *limits) {
			p.subject.started, p.subject.hasStarted = 0, false
		},
			decideNow + 999, decideNow + 30*day, decideNow + 38*day, decideNow + 30*day},
		{"shorter session", func(_ *presented, l *limits) { l.session = 10 * day },
			decideNow - 3600_000, decideNow + 10*day - 3600_000, decideNow + 38*day,
			decideNow + 10*day - 3600_000},
		{"longer session", func(_ *presented, l *limits) { l.session = 100 * day },
			decideNow - 3600_000, decideNow + 100*day - 3600_000, decideNow + 108*day - 3600_000,
			decideNow + 100*day - 3600_000},
		{"idle", func(_ *presented, l *limits) { l.idle = 2 * day },
			decideNow - 3600_000, decideNow + 30*day, decideNow + 38*day, decideNow + 2*day},
		{"iat ahead at the longest life",
			func(p *presented, l *limits) {
				p.subject.started = decideNow/1000 + 50
				l.max = 30*day - 1000
			},
			decideNow + 999, decideNow + 30*day, decideNow + 38*day, decideNow + 30*day - 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, l := loginToken(), l
			c.change(&p, &l)
			d := decide(nil, p, revocation.State{}, at, l)
			want := Row{
				ID:         revocation.SessionID{1},
				Identity:   "who",
				StartedAt:  c.started,
				Generation: 1,
				RotatedAt:  at.now,
				KeyID:      "k1",
				LastUsedAt: at.now,
				UserAgent:  "browser",
				ExpiresAt:  c.expires,
				EndsAt:     c.ends,
				KeptUntil:  c.kept,
			}
			if d.answer != advance || !d.write || d.healed || d.row != want {
				t.Errorf("got  %+v\nwant %+v", d, want)
			}
		})
	}
}

// TestYoungerThanTheCutoff: a session that started later is not refused, whatever its token says.
func TestYoungerThanTheCutoff(t *testing.T) {
	row := decide(nil, loginToken(), revocation.State{}, moment{now: decideNow}, limits{}).row
	row.StartedAt = 6_000
	p := loginToken()
	p.subject.hasStarted, p.subject.undated = false, true
	if d := decide(&row, p, revocation.State{
		HasCutoff: true,
		Cutoff:    5,
	}, moment{now: decideNow}, limits{window: 1}); d.answer != again {
		t.Errorf("got %+v", d)
	}
}

// TestRestored: a token that is ahead of its row, or has none, puts the row where the token is.
func TestRestored(t *testing.T) {
	p := presented{
		subject:    subject{id: revocation.SessionID{1}, identity: "who"},
		generation: 7,
		issuedAt:   decideNow/1000 - 10,
		started:    decideNow/1000 - 20,
		expires:    decideNow/1000 + 1000,
		keyID:      "old",
		trusted:    true,
	}
	at := moment{now: decideNow, key: "new"}
	d := decide(nil, p, revocation.State{}, at, limits{window: 30_000})
	want := Row{
		ID:           revocation.SessionID{1},
		Identity:     "who",
		StartedAt:    decideNow - 20_000,
		Generation:   7,
		RotatedAt:    decideNow - 10_000,
		KeyID:        "old",
		Acknowledged: true,
		LastUsedAt:   decideNow - 10_000,
		ExpiresAt:    decideNow + 1000_000,
		EndsAt:       decideNow + 1000_000,
		KeptUntil:    decideNow + 1000_000 + 8*day,
	}
	if d.answer != same || !d.healed || !d.write || d.row != want {
		t.Errorf("got  %+v\nwant %+v", d, want)
	}
	// The token of the row has expired already, and the presented one has not.
	have := Row{
		ID:         revocation.SessionID{1},
		Identity:   "who",
		StartedAt:  1,
		Generation: 5,
		ExpiresAt:  5,
		EndsAt:     decideNow + day,
		KeptUntil:  decideNow + 9*day,
	}
	d = decide(&have, p, revocation.State{}, at, limits{})
	if d.answer != advance || !d.healed || d.row.Generation != 8 || d.row.StartedAt != 1 ||
		d.row.KeyID != "new" ||
		d.row.ExpiresAt != decideNow+day || d.row.KeptUntil != decideNow+9*day {
		t.Errorf("got %+v", d)
	}
}

// TestSkew: with clocks that differ by as much as they may, no decision is another one.
func TestSkew(t *testing.T) {
	const window, skew = 30_000, 10_000
	l := limitsOf(&Rotation{Window: window * time.Millisecond}, skew*time.Millisecond, 0)
	for _, c := range []struct {
		name   string
		age    int64 // of the rotation, by the clock of the node that decides
		behind int64
		acked  bool
		want   answer
	}{
		{"a node that is behind, the predecessor at once", -skew, 1, true, again},
		{"a node that is behind, the newest at once", -skew, 0, false, same},
		{"a node that is ahead, the predecessor at the end of the window", window + skew - 1, 1,
			true, again},
		{"a node that is ahead, the newest at the end of the window", window + skew - 1, 0, true,
			same},
		{"after window and skew, the predecessor", window + skew, 1, true, reuse},
		{"after window and skew, the newest", window + skew, 0, true, advance},
	} {
		p := loginToken()
		p.generation = 2
		have := Row{
			ID:           revocation.SessionID{1},
			Identity:     "who",
			StartedAt:    decideNow - 3600_000,
			Generation:   2 + c.behind,
			RotatedAt:    decideNow - c.age,
			Acknowledged: c.acked,
			ExpiresAt:    p.expires * 1000,
			EndsAt:       p.expires * 1000,
		}
		if d := decide(&have, p, revocation.State{}, moment{now: decideNow},
			l); d.answer != c.want {
			t.Errorf("%s: got %+v, want %d", c.name, d, c.want)
		}
	}
}

// TestGeneration: gen and sid mean something only in tokens of ours.
func TestGeneration(t *testing.T) {
	ours := revocation.SessionID{7}.String()
	for _, c := range []struct {
		name string
		t    token.Token
		want int64
	}{
		{"ours", token.Token{Own: true, Claims: token.Claims{Session: ours, Generation: 3}}, 3},
		{"a login's", token.Token{Claims: token.Claims{Generation: 3}}, 0},
		{"a login's with a sid of its own",
			token.Token{Claims: token.Claims{Session: "42", Generation: 3}}, 0},
		{"a login's with a sid of our form",
			token.Token{Claims: token.Claims{Session: ours, Generation: 3}}, 0},
	} {
		if got := present(&c.t).generation; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
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
