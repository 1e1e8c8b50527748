package recipes

import (
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

const (
	refreshPath = "/api/v1/refresh"
	identity    = "ana@example.com"
)

func TestRecipes(t *testing.T) {
	t.Parallel()
	for name, command := range map[string]func(*testing.T) []string{
		"httpx":   python,
		"fetch":   node("fetch"),
		"axios":   node("axios"),
		"express": node("express"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, command(t))
		})
	}
}

// judge runs a recipe with the real server, and with a fake that misbehaves.
func judge(t *testing.T, command []string) {
	t.Run("real server", func(t *testing.T) {
		t.Parallel()
		withRealServer(t, command)
	})
	t.Run("fake", func(t *testing.T) {
		t.Parallel()
		fake := shared.StartFake(t, "--rotation", "--rotation-window=0s", "--clock-skew=0s")
		u := &user{fake: fake, program: start(t, fake.URL, fake.URL+"/fake/me", command...)}
		for _, s := range []struct {
			name string
			test func(*user)
		}{
			{"one refresh for 32 calls", parallel},
			{"the API rejects the token", rejected},
			{"lost answer", lost},
			{"503", busy},
			{"page of a proxy", page},
			{"ErrExpired", func(u *user) { ended(u, "421") }},
			{"ErrRevoked", func(u *user) { ended(u, "422") }},
			{"wrong clock", wrongClock},
			{"failures are shared", unavailable}, // the last: the program then waits long
		} {
			t.Run(s.name, func(t *testing.T) {
				u.program.t, u.fake = t, fake.For(t)
				u.fake.Ahead(0)
				s.test(u)
			})
		}
	})
}

// user is a user of a recipe.
type user struct {
	fake    server.Fake
	program program
	before  int // requests before the login
}

// enter logs in. The access token lives for the minutes; with -1 it has expired.
func (u *user) enter(minutes int) server.Tokens {
	u.program.t.Helper()
	tokens := u.fake.Login(map[string]any{"identity": identity, "limit": minutes})
	u.program.login(tokens)
	u.before = u.fake.Count(identity, refreshPath)
	return tokens
}

func (u *user) plan(behaviour string, times int, retryAfter int) {
	u.program.t.Helper()
	u.fake.Plan(map[string]any{
		"path":        refreshPath,
		"behaviour":   behaviour,
		"times":       times,
		"retry_after": retryAfter,
	})
}

// refreshes checks the number of refreshes since the login.
func (u *user) refreshes(want int) {
	u.program.t.Helper()
	if n := u.fake.Count(identity, refreshPath) - u.before; n != want {
		u.program.t.Errorf("%d refreshes, want %d", n, want)
	}
}

// parallel: 32 calls with an expired access token send one refresh, and the new refresh token is
// stored.
func parallel(u *user) {
	old := u.enter(-1)
	u.program.want(32, "200")
	u.refreshes(1)
	if now := u.program.stored(); now == "" || now == old.RefreshToken {
		u.program.t.Error("the new refresh token was not stored")
	}
}

// rejected: the API answers 401, as it does after a key has rolled over.
func rejected(u *user) {
	u.enter(10)
	u.program.want(1, "200")
	u.refreshes(0)
	for round := 1; round <= 3; round++ {
		u.fake.Ahead(time.Duration(round) * 11 * time.Minute)
		u.program.want(32, "200")
		u.refreshes(round)
	}
}

func lost(u *user) {
	u.enter(-1)
	u.plan("lose_answer", 1, 0)
	u.program.want(32, "200")
	u.refreshes(2)
}

// unavailable: 50 calls send one refresh, and all of them learn that it failed.
func unavailable(u *user) {
	tokens := u.enter(-1)
	u.plan("503", 1000, 600)
	u.program.want(50, "later")
	u.refreshes(1)
	if u.program.stored() != tokens.RefreshToken {
		u.program.t.Error("the refresh token was not kept")
	}
	u.clearPlans()
}

// busy: the server answers 503 once, with a short Retry-After.
func busy(u *user) {
	u.enter(-1)
	u.plan("503", 1, 1)
	u.program.eventually()
	u.refreshes(2)
}

// clearPlans replaces all plans by one that is for no path of this test.
func (u *user) clearPlans() {
	u.program.t.Helper()
	u.fake.Replace(map[string]any{"path": "/api/v1/none", "behaviour": "500"})
}

// eventually calls the API until it answers 200. The user must not have to log in meanwhile.
func (p program) eventually() {
	p.t.Helper()
	deadline := time.Now().Add(server.Patience)
	for got := p.call(1); got["200"] == 0; got = p.call(1) {
		if got["later"] == 0 || time.Now().After(deadline) {
			p.t.Fatalf("a call: %v, want later and then 200", got)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// page: a proxy answers with a status that logs users out if refreshd sends it, or with 200.
func page(u *user) {
	for _, status := range []int{422, 200} {
		u.enter(-1)
		u.fake.Plan(map[string]any{"path": refreshPath, "behaviour": "html", "status": status})
		u.program.eventually()
		u.refreshes(2)
	}
}

// ended: the session has ended. Node, like some browsers, repeats a request that is answered 421
// over a new connection.
func ended(u *user, behaviour string) {
	u.enter(-1)
	u.plan(behaviour, 2, 0)
	u.program.want(32, "login")
	u.program.want(1, "login")
	if n := u.fake.Count(identity, refreshPath) - u.before; n != 1 && behaviour != "421" || n > 2 {
		u.program.t.Errorf("%d refreshes, want 1", n)
	}
	u.clearPlans()
	if u.program.stored() != "" {
		u.program.t.Error("the tokens are still there")
	}
}

// wrongClock: the clock of the machine is an hour ahead of the server's, or an hour behind it.
func wrongClock(u *user) {
	for _, ahead := range []time.Duration{-time.Hour, time.Hour} {
		u.fake.Ahead(ahead)
		u.enter(10)
		u.program.want(3, "200")
		u.refreshes(0)
		u.fake.Ahead(ahead + 11*time.Minute)
		u.program.want(3, "200")
		u.refreshes(1)
	}
}
