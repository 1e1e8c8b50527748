//go:build linux

package chaos

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/tests/server"
)

// pair is a primary and its streaming standby, and the URL of a database that both have.
type pair struct {
	primary, standby *server.Postgres
	database, url    string
}

// startPair starts a primary with a database, and its standby.
func startPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{primary: server.StartPostgres(t)}
	own := p.primary.NewDatabase(t)
	p.database = own[strings.LastIndex(own, "/")+1 : strings.LastIndex(own, "?")]
	p.standby = p.primary.Standby(t, "standby")
	p.url = fmt.Sprintf("postgres://postgres@%s,%s/%s?sslmode=disable&target_session_attrs=read-write",
		p.primary.Address(), p.standby.Address(), p.database)
	return p
}

// set changes a setting of a running server.
func set(t *testing.T, s *server.Postgres, name, value string) {
	t.Helper()
	for _, statement := range []string{"ALTER SYSTEM SET " + name + " = '" + value + "'", "SELECT pg_reload_conf()"} {
		if err := s.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	awaitValue(t, s, "SELECT current_setting('"+name+"')", value)
}

// awaitValue waits until a query, each time on a new connection, has the value.
func awaitValue(t *testing.T, s *server.Postgres, query, want string) {
	t.Helper()
	got := ""
	for deadline := time.Now().Add(server.Patience); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		var err error
		if got, err = value(s, query); err == nil && got == want {
			return
		}
	}
	t.Fatalf("%s: %q, want %q", query, got, want)
}

func value(s *server.Postgres, query string) (got string, err error) {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	return got, conn.QueryRow(ctx, query).Scan(&got)
}

// catchUp waits until the standby has replayed what the primary has written.
func (p *pair) catchUp(t *testing.T) {
	t.Helper()
	written, err := value(p.primary, "SELECT pg_current_wal_lsn()::text")
	if err != nil {
		t.Fatal(err)
	}
	awaitValue(t, p.standby, "SELECT (pg_last_wal_replay_lsn() >= '"+written+"')::text", "true")
}

func (p *pair) promote(t *testing.T) {
	t.Helper()
	if err := p.standby.Promote(); err != nil {
		t.Fatal(err)
	}
	awaitValue(t, p.standby, "SELECT pg_is_in_recovery()::text", "false")
}

// revokeByCommand revokes a token's session with the program's command.
func revokeByCommand(t *testing.T, url, token string) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); ; {
		cmd := exec.Command(shared.Program(t), "revoke", "--token=-", "--store="+url)
		cmd.Env = append(cmd.Environ(), "REFRESH_SECRET="+server.Secret)
		cmd.Stdin = strings.NewReader(token)
		out, err := cmd.CombinedOutput()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("revoke: %v\n%s", err, out)
		}
	}
}

// TestFailoverToAReadOnlyPrimary: the primary becomes read-only, its standby is promoted, and a session is
// revoked there. The servers still have connections to the old primary, and must not believe it.
func TestFailoverToAReadOnlyPrimary(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 100) {
		p := startPair(t)
		servers := startAll(t, p.url, 2)
		token, other := newToken(), newToken()
		for _, s := range servers {
			if a := s.refresh(token); a.status != http.StatusOK {
				t.Fatalf("before the failover: %d %s", a.status, a.body)
			}
		}
		set(t, p.primary, "default_transaction_read_only", "on")
		p.catchUp(t)
		p.promote(t)
		revokeByCommand(t, p.url, token)
		for _, s := range servers {
			await(t, "a server that is ready again", s, func() bool {
				if a := s.refresh(token); a.status == http.StatusOK {
					t.Fatalf("a revoked token was accepted over a connection to the old primary: %s", a.body)
				}
				return s.ready().status == http.StatusOK
			})
			if a := s.refresh(token); a.status != http.StatusUnprocessableEntity {
				t.Errorf("the revoked token: %d %s, want 422", a.status, a.body)
			}
			if a := s.refresh(other); a.status != http.StatusOK {
				t.Errorf("another token: %d %s", a.status, a.body)
			}
			s.Kill()
		}
	}
}

// TestUnreplicatedCommit: replication is synchronous and the standby is gone. However often a client
// tries, no answer is final before the standby has the change: a failover would lose it.
func TestUnreplicatedCommit(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 100) {
		p := startPair(t)
		s := start(t, p.url+"&statement_timeout=500")
		rotating := &node{shared.Start(t, "--rotation", "--store="+p.url+"&statement_timeout=500")}
		await(t, "a server that is ready", rotating, func() bool { return rotating.ready().status == http.StatusOK })
		set(t, p.primary, "synchronous_standby_names", "*")
		awaitValue(t, p.primary, "SELECT count(*)::text FROM pg_stat_replication WHERE sync_state = 'sync'", "1")
		p.catchUp(t)
		p.standby.Crash()
		token, rotated := newToken(), newToken()
		for try := range 3 {
			if a := s.revoke(token); a.status != http.StatusServiceUnavailable {
				t.Errorf("try %d: logout answers %d %s without replication, want 503", try, a.status, a.body)
			}
			if a := rotating.refresh(rotated); a.status != http.StatusServiceUnavailable {
				t.Errorf("try %d: rotation answers %d %s without replication, want 503", try, a.status, a.body)
			}
		}
		// The failover: the primary is lost, and the standby takes over alone.
		p.primary.Crash()
		if err := p.standby.Resume(); err != nil {
			t.Fatal(err)
		}
		set(t, p.standby, "synchronous_standby_names", "")
		p.promote(t)
		await(t, "a server that is ready again", s, func() bool { return s.ready().status == http.StatusOK })
		mustRevoke(t, s, token)
		if a := s.refresh(token); a.status != http.StatusUnprocessableEntity {
			t.Errorf("after the logout was acknowledged: %d %s, want 422", a.status, a.body)
		}
		s.Kill()
		rotating.Kill()
	}
}
