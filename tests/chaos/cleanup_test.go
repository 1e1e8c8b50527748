//go:build linux

package chaos

import (
	"context"
	"crypto/rand"
	"math"
	mathrand "math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// almanac is a clock that moves only when it is told to. Both of its hands move together.
type almanac struct {
	mu     sync.Mutex
	now    time.Duration // since it was made
	start  time.Time
	timers map[chan time.Time]time.Duration
}

func newAlmanac() *almanac {
	return &almanac{start: time.Now(), timers: map[chan time.Time]time.Duration{}}
}

func (a *almanac) Now() revocation.Instant {
	a.mu.Lock()
	defer a.mu.Unlock()
	return revocation.Instant{Mono: a.now, Wall: a.start.Add(a.now).UnixNano()}
}

func (a *almanac) time() time.Time { return time.Unix(0, a.Now().Wall) }

func (a *almanac) After(d time.Duration) <-chan time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := make(chan time.Time, 1)
	a.timers[c] = a.now + d
	return c
}

// turn moves the clock and fires the timers that are due.
func (a *almanac) turn(d time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now += d
	for c, due := range a.timers {
		if due <= a.now {
			delete(a.timers, c)
			c <- a.start.Add(a.now)
		}
	}
}

// waiting is how many timers are set.
func (a *almanac) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.timers)
}

// grave is a token whose session was ended.
type grave struct {
	raw     string
	expires time.Time
}

// TestNothingComesBack: time passes in steps, and old revocations are removed. A revoked token is
// never accepted before its exp. In the end the store is empty.
func TestNothingComesBack(t *testing.T) {
	t.Parallel()
	for range server.Rounds(2, 100) {
		oneYear(t)
	}
}

func oneYear(t *testing.T) {
	t.Helper()
	a, db, keys := newAlmanac(), openStore(t, "sqlite::memory:"), secretKeys(t)
	n, stop := almanacNode(t, keys, db, a)
	defer stop()
	var graves []grave
	most := 0
	for step := 0; a.time().Before(a.start.Add(year)); step++ {
		a.pass(t, mathrand.N(10*24*time.Hour))
		g := bury(t, n, a)
		graves = append(graves, g)
		checkGraves(t, n, a, graves)
		most = max(most, rows(t, db))
	}
	if most < 10 {
		t.Errorf("only %d revocations were in force at once", most)
	}
	// A server that starts now knows no more than the store.
	late, stopLate := almanacNode(t, keys, db, a)
	checkGraves(t, late, a, graves)
	stopLate()
	for range 400 {
		a.pass(t, 2*24*time.Hour)
		checkGraves(t, n, a, graves)
	}
	if left := rows(t, db); left != 0 {
		t.Errorf("%d revocations are left though no token of them can be valid", left)
	}
}

// almanacNode runs a node on the clock and returns when it has gone to rest.
func almanacNode(
	t *testing.T,
	keys jwk.Source,
	db *store.Store,
	a *almanac,
) (*session.Service, func()) {
	t.Helper()
	before := a.waiting()
	s := newService(keys, db, a)
	stop := run(t, s)
	a.settle(t, before+nodeTimers)
	return s, stop
}

// pass moves the clock and waits until the node has done its due work. It moves in small steps,
// because the clean-up ignores a clock that jumps by more than a day.
func (a *almanac) pass(t *testing.T, d time.Duration) {
	t.Helper()
	for step := 23 * time.Hour; d > 0; d -= step {
		a.turn(min(d, step))
		a.settle(t, nodeTimers)
	}
}

// nodeTimers is how many timers a node has set while it rests: for its lease, its clean-up and the
// comparison of clocks.
const nodeTimers = 3

// settle waits until so many timers are set.
func (a *almanac) settle(t *testing.T, timers int) {
	t.Helper()
	for deadline := time.Now().Add(
		server.Patience); a.waiting() < timers; time.Sleep(50 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d timers, want %d", a.waiting(), timers)
		}
	}
}

// bury ends a session that has a token of any age, and returns the token of it that lives longest.
func bury(t *testing.T, s *session.Service, a *almanac) grave {
	t.Helper()
	now := a.time()
	issued := now.Add(-mathrand.N(100 * 24 * time.Hour))
	claims := jwt.MapClaims{"identity": "me", "jti": rand.Text(), "iat": issued.Unix()}
	longest := issued.Add(year - time.Second)
	if mathrand.N(3) == 0 { // without jti a token is a session of its own
		claims["jti"], longest = "", now.Add(time.Minute+mathrand.N(200*24*time.Hour))
	}
	claims["exp"] = longest.Unix()
	raw := sign(claims)
	presented := raw
	if claims["jti"] != "" {
		claims["exp"] = now.Add(mathrand.N(48*time.Hour) - 24*time.Hour).
			Unix()
			// an older token of the session, perhaps expired
		if claims["exp"].(int64) > claims["iat"].(int64) {
			presented = sign(claims)
		}
	}
	if err := s.Logout(context.Background(), presented); err != nil {
		t.Fatal(err)
	}
	return grave{raw, longest}
}

func checkGraves(t *testing.T, s *session.Service, a *almanac, graves []grave) {
	t.Helper()
	for _, g := range graves {
		if accepts(s, g.raw) {
			t.Fatalf("accepted at %v though revoked; it expires at %v", a.time(), g.expires)
		}
	}
}

// rows is how many revocations the store holds, in force or not.
func rows(t *testing.T, db *store.Store) int {
	t.Helper()
	list, err := db.List(context.Background(), math.MaxInt64, math.MinInt64, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}
