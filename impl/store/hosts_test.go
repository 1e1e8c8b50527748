package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// TestFrozenLeader: the leader freezes, with connections open to it, and the standby is promoted.
// The store works again without a restart, long before calls to the frozen leader time out, and a
// store that is opened now finds the new leader.
func TestFrozenLeader(t *testing.T) {
	primary := server.StartPostgres(t)
	primary.NewDatabase(t)
	standby := primary.Standby(t, "second")
	url := "postgres://postgres@" + primary.Address() + "," + standby.Address() +
		"/test1?sslmode=disable"
	s := open(t, url)
	watching, watched := make(chan struct{}, 1000), make(chan struct{})
	go func() {
		defer close(watched)
		s.Watch(t.Context(), func() { watching <- struct{}{} })
	}()
	t.Cleanup(func() { <-watched })
	<-watching
	adopt(t, s, row(1, "a"))
	revoke(t, s, ended(1))
	standby.Await(t, "the revocation on the standby", func() bool {
		return value(t, standby, "SELECT pg_last_wal_replay_lsn()::text") >=
			value(t, primary, "SELECT pg_current_wal_lsn()::text")
	})
	primary.Freeze()
	var hung sync.WaitGroup
	for n := range 40 {
		hung.Go(func() { _, _ = s.Adopt(t.Context(), row(100+n, "a")) })
		hung.Go(func() { _, _ = s.Lookup(t.Context(), idOf(1), "a") })
	}
	must(t, standby.Promote())
	promoted := time.Now()
	standby.Await(t, "a change at the new leader", func() bool {
		_, err := s.Adopt(t.Context(), row(2, "a"))
		return err == nil
	})
	t.Logf("a change was committed %v after the promotion", time.Since(promoted))
	hung.Wait()
	stored(t, s, row(1, "a"))
	revoke(t, s, ended(2))
	if state, err := s.Lookup(t.Context(), idOf(1), "a"); err != nil || !state.Revoked {
		t.Errorf("got %v, %v", state, err)
	}
	later, err := store.Open(t.Context(), url)
	must(t, err)
	stored(t, later, row(2, "a"))
	must(t, later.Close())
	primary.Thaw() // so that nothing waits for it any more
}

// TestPasswordFile: a password that was changed in the file is used for new connections.
func TestPasswordFile(t *testing.T) {
	postgres := server.StartPostgres(t)
	own := postgres.NewDatabase(t)
	must(t, postgres.Exec("CREATE ROLE refresh SUPERUSER LOGIN PASSWORD 'old'"))
	must(t, postgres.Exec("COPY (SELECT 'host all refresh 127.0.0.1/32 scram-sha-256' UNION ALL "+
		"SELECT 'host all postgres 127.0.0.1/32 trust') TO '"+postgres.Folder()+"/pg_hba.conf'"))
	must(t, postgres.Exec("SELECT pg_reload_conf()"))
	file := filepath.Join(t.TempDir(), "pgpass")
	write := func(password string) {
		must(t, os.WriteFile(file, []byte("127.0.0.1:*:*:refresh:"+password+"\n"), 0o600))
	}
	write("old")
	t.Setenv("PGPASSFILE", file)
	url := strings.Replace(own, "postgres@", "refresh@", 1)
	s := open(t, url)
	revoke(t, s, ended(1))
	must(t, postgres.Exec("ALTER ROLE refresh PASSWORD 'new'"))
	write("new")
	must(t, postgres.Exec(
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'refresh'"))
	postgres.Await(t, "a connection with the new password", func() bool {
		_, err := s.Revoke(t.Context(), ended(2))
		return err == nil
	})
}
