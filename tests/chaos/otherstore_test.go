//go:build linux

package chaos

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestFileDeleted: the file is deleted under a server. The server says so, is not ready, and answers
// 503 to refreshes and revocations. A server that is then started says that its store is new.
func TestFileDeleted(t *testing.T) {
	t.Parallel()
	store := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	s := start(t, store)
	if !s.Log.Contains("This store is new: no revocation is known") {
		t.Error("the first server does not say that the store is new")
	}
	token := newToken()
	mustRevoke(t, s, token)
	if second := start(t, store); second.Log.Contains("This store is new") {
		t.Error("a second server takes the store for a new one")
	}
	for _, file := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(strings.TrimPrefix(store, "sqlite:") + file); err != nil {
			t.Fatal(err)
		}
	}
	// At once, not only from the next renewal on.
	wantsStatus(t, "revoke", s.revoke(newToken()), http.StatusServiceUnavailable)
	wantsOtherStore(t, s, token)
	if !start(t, store).Log.Contains("This store is new: no revocation is known") {
		t.Error("the server with the new file does not say so")
	}
	wantsOtherStore(t, s, token)
}

// wantsOtherStore fails unless the server finds that its store is another one, and answers 503.
func wantsOtherStore(t *testing.T, s *node, revoked string) {
	t.Helper()
	const reason = "the store is not the one that this server started with"
	await(t, "a server that says why it is not ready", s, func() bool {
		a := s.ready()
		return a.status == http.StatusServiceUnavailable && strings.Contains(string(a.body), reason)
	})
	await(t, "the alarm in the log", s, func() bool {
		return s.Log.Contains("alarm: the store is not the one")
	})
	for _, token := range []string{revoked, newToken()} {
		wantsStatus(t, "refresh", s.refresh(token), http.StatusServiceUnavailable)
		wantsStatus(t, "revoke", s.revoke(token), http.StatusServiceUnavailable)
	}
}

// TestOtherSchema: the search path of the server's user is changed, and new connections lead to a
// schema that another server has made since. When it is changed back, the server goes on.
func TestOtherSchema(t *testing.T) {
	t.Parallel()
	postgres := shared.Postgres(t)
	url := postgres.NewDatabase(t)
	const role = "moved"
	own := strings.Replace(url, "postgres@", role+"@", 1)
	exec := func(statement string) {
		t.Helper()
		if err := postgres.ExecIn(url, statement); err != nil {
			t.Fatal(err)
		}
	}
	move := func(schema string) {
		t.Helper()
		exec("ALTER ROLE " + role + " SET search_path = " + schema)
		exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '" + role +
			"'")
	}
	for _, statement := range []string{
		"CREATE ROLE " + role + " LOGIN",
		"CREATE SCHEMA first AUTHORIZATION " + role,
		"CREATE SCHEMA second AUTHORIZATION " + role,
	} {
		exec(statement)
	}
	move("first")
	s, token := start(t, own), newToken()
	mustRevoke(t, s, token)
	move("second")
	start(t, own)
	wantsOtherStore(t, s, token)
	move("first")
	awaitReady(t, s)
	wantsInTheEnd(t, "refresh", s,
		func() answer { return s.refresh(token) }, http.StatusUnprocessableEntity)
	mustRevoke(t, s, newToken())
}

// TestLossIsWrittenBack: an asynchronous standby takes over without the last revocations. The servers
// that know them write them back, once, and raise an alarm. A server that is started then knows
// them too.
func TestLossIsWrittenBack(t *testing.T) {
	t.Parallel()
	for range server.Rounds(1, 30) {
		c := startCluster(t)
		c.set(t, "synchronous_standby_names", "")
		servers := startAll(t, c.url, 2)
		before, lost := newToken(), []string{newToken(), newToken(), newToken()}
		mustRevoke(t, servers[0], before)
		c.await(t, c.standby, "SELECT head = 1 FROM refresh_feed")
		c.standby.Stop()
		for i, token := range lost {
			mustRevoke(t, servers[i%2], token)
		}
		c.takeOver(t)
		await(t, "the lost revocations in the store", servers[0], func() bool {
			written := 0.0
			for _, s := range servers {
				written += s.metric(t, "refreshd_revocations_written_back_total")
			}
			return written == float64(len(lost))
		})
		const alarm = "alarm: the store had lost revocations"
		await(t, "the alarm in the log", servers[0], func() bool {
			return servers[0].Log.Contains(alarm) || servers[1].Log.Contains(alarm)
		})
		third := start(t, c.url)
		for _, token := range append(lost, before) {
			for _, s := range append(servers, third) {
				wantsStatus(t, "refresh", s.refresh(token), http.StatusUnprocessableEntity)
			}
		}
		c.stop(t, append(servers, third))
	}
}
