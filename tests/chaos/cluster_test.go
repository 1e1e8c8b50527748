//go:build linux

package chaos

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/tests/server"
)

// cluster is a PostgreSQL primary with a synchronous standby, and a database on both.
type cluster struct {
	primary, standby *server.Postgres
	// url names both servers and asks for the one that accepts writes.
	url, database string
}

// startCluster starts both servers and returns when commits wait for the standby.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{primary: server.StartPostgres(t)}
	own := c.primary.NewDatabase(t)
	c.database = own[strings.LastIndex(own, "/")+1 : strings.LastIndex(own, "?")]
	c.standby = c.primary.Standby(t, "standby")
	c.url = "postgres://postgres@" + c.primary.Address() + "," + c.standby.Address() + "/" +
		c.database +
		"?sslmode=disable&target_session_attrs=read-write"
	c.set(t, "synchronous_standby_names", "*")
	c.await(
		t,
		c.primary,
		"SELECT EXISTS (SELECT FROM pg_stat_replication WHERE sync_state = 'sync')",
	)
	return c
}

// set changes a setting of the primary. That writes to its configuration alone, so no commit waits.
func (c *cluster) set(t *testing.T, name, value string) {
	t.Helper()
	change := "ALTER SYSTEM SET " + name + " = '" + value + "'"
	for _, statement := range []string{change, "SELECT pg_reload_conf()"} {
		if err := c.primary.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	c.await(t, c.primary, "SELECT current_setting('"+name+"') = '"+value+"'")
}

// await waits until a query, each time on a new connection, returns true.
func (c *cluster) await(t *testing.T, s *server.Postgres, query string) {
	t.Helper()
	s.Await(t, query, func() (holds bool) {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, s.URL(c.database))
		if err != nil {
			return false
		}
		defer conn.Close(ctx)
		return conn.QueryRow(ctx, query).Scan(&holds) == nil && holds
	})
}

func (c *cluster) promote(t *testing.T) {
	t.Helper()
	if err := c.standby.Promote(); err != nil {
		t.Fatal(err)
	}
	c.await(t, c.standby, "SELECT NOT pg_is_in_recovery()")
}

func (c *cluster) resumeStandby(t *testing.T) {
	t.Helper()
	if err := c.standby.Resume(); err != nil {
		t.Fatal(err)
	}
}

// takeOver ends the primary and promotes the standby, which was stopped.
func (c *cluster) takeOver(t *testing.T) {
	t.Helper()
	c.primary.Crash()
	c.resumeStandby(t)
	c.promote(t)
}

// cancelWaits cancels every wait for the standby until resume is called. Then the primary commits
// locally, says so in a warning, and reports success.
func (c *cluster) cancelWaits(t *testing.T) (resume func()) {
	t.Helper()
	const query = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
	ctx, cancel := context.WithCancel(context.Background())
	conn, err := pgx.Connect(ctx, c.primary.URL(c.database))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer conn.Close(context.Background())
		for ctx.Err() == nil {
			if _, err := conn.Exec(ctx, query); err != nil && ctx.Err() == nil {
				t.Error(err)
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	resume = func() {
		cancel()
		<-done
	}
	t.Cleanup(resume)
	return resume
}

// command runs refreshd on the cluster's database and returns its error.
func (c *cluster) command(t *testing.T, stdin string, args ...string) error {
	t.Helper()
	cmd := exec.Command(shared.Program(t), append(args, "--store="+c.url)...)
	cmd.Env = []string{"REFRESH_SECRET=" + server.Secret}
	cmd.Dir, cmd.Stdin = t.TempDir(), strings.NewReader(stdin)
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	err := cmd.Run()
	if err != nil {
		t.Logf("refreshd %s: %v: %s", args[0], err, output.Bytes())
	}
	return err
}

// mustCommand repeats a command of refreshd while it fails: on a busy machine the store may take
// too long.
func (c *cluster) mustCommand(t *testing.T, stdin string, args ...string) {
	t.Helper()
	deadline := time.Now().Add(server.Patience)
	for err := c.command(t, stdin, args...); err != nil; err = c.command(t, stdin, args...) {
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// stop ends the processes of one round and removes their files: a soak has many rounds.
func (c *cluster) stop(t *testing.T, servers []*node) {
	t.Helper()
	for _, s := range servers {
		s.Kill()
	}
	if err := errors.Join(c.primary.Close(), c.standby.Close()); err != nil {
		t.Error(err)
	}
}

// revocations asks for the list of revocations with an access token.
func (s *node) revocations(header http.Header) answer {
	return ask(http.MethodGet, s.URL+"/api/v1/admin/revocations?limit=1", header, nil)
}

// adminOf is the header of an administrator who logged in 10 s ago.
func adminOf(identity string) http.Header {
	h := jsonHeader()
	h.Set("Authorization", "Bearer "+sign(jwt.MapClaims{
		"identity": identity, "is_admin": true, "fresh": true, "type": 0, "jti": "failover",
		"iat": time.Now().Add(-10 * time.Second).Unix(), "exp": time.Now().Add(time.Hour).Unix(),
	}))
	return h
}

func wantsStatus(t *testing.T, call string, a answer, want int) {
	t.Helper()
	if a.status != want {
		t.Errorf("%s: %d %s, want %d", call, a.status, a.body, want)
	}
}

// wantsInTheEnd wants a status, or 503 before it: on a busy machine the store may take too long.
func wantsInTheEnd(t *testing.T, call string, s *node, send func() answer, want int) {
	t.Helper()
	s.Await(t, call, func() bool {
		a := send()
		if a.status != want && a.status != http.StatusServiceUnavailable && a.status != 0 {
			t.Fatalf("%s: %d %s, want %d", call, a.status, a.body, want)
		}
		return a.status == want
	})
}

// wantsRefusal wants a final answer, or 503 while the server does not know.
func wantsRefusal(t *testing.T, call string, a answer) {
	t.Helper()
	switch a.status {
	case http.StatusUnprocessableEntity, http.StatusUnauthorized, http.StatusServiceUnavailable:
	default:
		t.Errorf("%s: %d %s", call, a.status, a.body)
	}
}
