//go:build linux

package chaos

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// TestDatabaseRestarted: the database ends, orderly or not, while a session is ended, and comes
// back.
func TestDatabaseRestarted(t *testing.T) {
	t.Parallel()
	database := server.StartPostgres(t)
	servers := startAll(t, database.NewDatabase(t), 3)
	for round := range server.Rounds(4, 200) {
		c := contest{token: newToken()}
		c.hold(t, servers, func() {
			var back sync.WaitGroup
			back.Go(func() {
				time.Sleep(rand.N(10 * time.Millisecond))
				end := database.Stop
				if round%2 == 0 {
					end = database.Crash
				}
				end()
				if err := database.Resume(); err != nil {
					t.Error(err)
				}
			})
			mustRevoke(t, servers[round%3], c.token)
			back.Wait()
		})
	}
}

// TestConnectionsCut: connections to the database break again and again, each server's for itself.
func TestConnectionsCut(t *testing.T) {
	t.Parallel()
	url := shared.Postgres(t).NewDatabase(t)
	var servers []*node
	var proxies []*server.Proxy
	for range 3 {
		p, own := through(t, url)
		proxies, servers = append(proxies, p), append(servers, start(t, own))
	}
	stop := make(chan struct{})
	var cutting sync.WaitGroup
	cutting.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(rand.N(150 * time.Millisecond)):
				proxies[rand.N(3)].Cut()
			}
		}
	})
	defer cutting.Wait()
	defer close(stop)
	tries := 0
	for round := range server.Rounds(10, 2000) {
		c := contest{token: newToken()}
		c.hold(t, servers, func() { tries += mustRevoke(t, servers[round%3], c.token) })
	}
	t.Logf("%d tries", tries)
}

// TestPartition: one server loses sight of the database, and only that one. The others need not
// wait longer than a lease for it.
func TestPartition(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]server.Behaviour{
		"refuses": server.Refuses,
		"hangs":   server.Hangs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := shared.Postgres(t).NewDatabase(t)
			p, own := through(t, url)
			here, there := start(t, url), start(t, own)
			for range server.Rounds(1, 50) {
				c := contest{token: newToken(), tries: 1}
				c.hold(t, []*node{here, there}, func() {
					p.Set(how)
					mustRevoke(t, here, c.token)
				})
				p.Set(server.Passes)
				awaitReady(t, there)
				wantsInTheEnd(t, "refresh after the partition", there,
					func() answer { return there.refresh(c.token) }, http.StatusUnprocessableEntity)
			}
		})
	}
}

// TestStoreAway: without its database a server refreshes while its lease lives, then asks to try
// again; it never pretends that a session was ended, and tells load balancers and metrics.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	for name, how := range map[string]server.Behaviour{
		"refuses": server.Refuses,
		"hangs":   server.Hangs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, url := through(t, shared.Postgres(t).NewDatabase(t))
			s := start(t, url)
			token, other := newToken(), newToken()
			if age := s.metric(t, "refreshd_lease_age_seconds"); age <= 0 || age >= 3 {
				t.Errorf("the lease's age is %v s while all is well", age)
			}
			goesOn(t, s, p, how, token)
			wantsAway(t, "revoke while the lease lives", s.revoke(token))
			await(
				t,
				"the end of the lease",
				s,
				func() bool { return s.refresh(token).status != http.StatusOK },
			)
			wantsAway(t, "refresh without a lease", s.refresh(token))
			wantsAway(t, "revoke without a lease", s.revoke(token))
			if a := s.ready(); a.status != http.StatusServiceUnavailable ||
				!bytes.Contains(a.body, []byte("lease")) {
				t.Errorf("/readyz answers %d %s, want 503 and the reason", a.status, a.body)
			}
			if age := s.metric(t, "refreshd_lease_age_seconds"); age < 2.9 {
				t.Errorf("the lease's age is %v s, want at least a lease's term", age)
			}
			p.Set(server.Passes)
			awaitReady(t, s)
			wantsInTheEnd(t, "refresh with the database back", s,
				func() answer { return s.refresh(other) }, http.StatusOK)
			mustRevoke(t, s, token)
			wantsInTheEnd(t, "refresh after the revoke", s,
				func() answer { return s.refresh(token) }, http.StatusUnprocessableEntity)
		})
	}
}

// goesOn makes the database unavailable and checks that a refresh succeeds while the lease is live.
// If the machine is so busy that the lease expires first, it tries again.
func goesOn(t *testing.T, s *node, p *server.Proxy, how server.Behaviour, token string) {
	t.Helper()
	for range 5 {
		p.Set(how)
		if s.refresh(token).status == http.StatusOK {
			return
		}
		p.Set(server.Passes)
		awaitReady(t, s)
	}
	t.Error("refresh does not go on while the lease lives")
}

func wantsAway(t *testing.T, what string, a answer) {
	t.Helper()
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusServiceUnavailable || err != nil || seconds < 1 {
		t.Errorf(
			"%s: %d, Retry-After %q; want 503 and when to try again",
			what,
			a.status,
			a.header.Get("Retry-After"),
		)
	}
}

// metric reads one value from /metrics.
func (s *node) metric(t *testing.T, name string) float64 {
	t.Helper()
	for line := range bytes.Lines(ask(http.MethodGet, s.Operations+"/metrics", nil, nil).body) {
		if value, found := bytes.CutPrefix(line, []byte(name+" ")); found {
			f, err := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
			if err != nil {
				t.Fatal(err)
			}
			return f
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
