package store_test

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// TestSchemaTogether: processes that start at once bring one empty store up to date.
func TestSchemaTogether(t *testing.T) {
	for range 3 {
		eachShared(t, func(t *testing.T, url string) {
			var group sync.WaitGroup
			for range 6 {
				group.Go(func() {
					s, err := store.Open(t.Context(), url)
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := s.Revoke(t.Context(), ended(1)); err != nil {
						t.Error(err)
					}
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
		})
	}
}

// eachShared runs the test on each engine that several processes can use.
func eachShared(t *testing.T, test func(t *testing.T, url string)) {
	t.Run("sqlite file", func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db")) })
	t.Run("postgres", func(t *testing.T) { test(t, shared.Postgres(t).NewDatabase(t)) })
}

func TestNewerSchema(t *testing.T) {
	eachShared(t, func(t *testing.T, url string) {
		open(t, url)
		exec1(t, url, "INSERT INTO refresh_schema (version_id, is_applied) VALUES (999, true)")
		// The newer schema only adds: programs from today on may use it.
		must(t, open(t, url).NoteServer(t.Context(), time.Hour, false))
		exec1(t, url, "UPDATE refresh_store SET oldest_schema = 999")
		_, err := store.Open(t.Context(), url)
		if !errors.Is(err, store.ErrNewerSchema) || !strings.Contains(err.Error(), "999") {
			t.Errorf("got %v, want ErrNewerSchema with the version", err)
		}
		if err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("more than a line: %v", err)
		}
	})
}

// exec1 runs a statement behind the store's back.
func exec1(t *testing.T, url, statement string) {
	t.Helper()
	driver, name := "pgx", url
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, name = "sqlite", "file:"+path+"?_pragma=busy_timeout(4000)"
	}
	db, err := sql.Open(driver, name)
	must(t, err)
	defer db.Close()
	_, err = db.ExecContext(t.Context(), statement)
	must(t, err)
}

// TestProcesses: a second process writes to the same store, and neither loses anything.
func TestProcesses(t *testing.T) {
	eachShared(t, func(t *testing.T, url string) {
		s := open(t, url)
		var group sync.WaitGroup
		for _, from := range []int{1000, 2000} {
			group.Go(func() {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), helperEnv+"="+url, "STORE_TEST_FROM="+strconv.Itoa(from))
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
		}
		for n := range 100 {
			if _, err := s.Revoke(t.Context(), ended(n)); err != nil {
				t.Error(err)
			}
		}
		group.Wait()
		if n := walk(t, s); n != 300 {
			t.Errorf("%d revocations of 300", n)
		}
	})
}

// TestWatch: a change of another process wakes the watcher.
func TestWatch(t *testing.T) {
	eachShared(t, func(t *testing.T, url string) {
		ctx, cancel := context.WithCancel(t.Context())
		woken, done := make(chan struct{}, 1000), make(chan struct{})
		s, other := open(t, url), open(t, url)
		go func() {
			defer close(done)
			s.Watch(ctx, func() { woken <- struct{}{} })
		}()
		<-woken // it watches now
		for n := range 3 {
			revoke(t, other, ended(n))
			select {
			case <-woken:
			case <-time.After(30 * time.Second):
				t.Fatal("not woken")
			}
		}
		cancel()
		<-done
	})
}

func TestURL(t *testing.T) {
	for _, c := range []struct{ name, url, want string }{
		{"no scheme", "refresh.db", "a store is sqlite:FILE"},
		{"other scheme", "mysql://root:secret@db/x", "a store is sqlite:FILE"},
		{"no file", "sqlite:", "needs a file"},
		{"two slashes", "sqlite://refresh.db", "without two slashes"},
		{"pool too small", "postgres://a:secret@localhost/x?pool_max_conns=1", "at least 4"},
		{"port is not a number", "postgres://a:secret@localhost:x/x", "malformed"},
		{"unknown setting", "postgres://a:secret@localhost/x?sslmode=perhaps", "sslmode"},
		{"@ and / in the password", "postgres://a:x@secret/y@127.0.0.1:1/x", "%40"},
		{"@ and # in the password", "postgres://a:x@secret#y@127.0.0.1:1/x", "%40"},
		{"@ and ? in the password", "postgres://a:x@secret?y@127.0.0.1:1/x", "%40"},
		{"@ and ? in the password, with a value", "postgres://a:x@secret?y=z@127.0.0.1:1/x", "%40"},
		{"number and / in the password", "postgres://a:12/secret@127.0.0.1:1/x", "%40"},
		{"number and ? in the password", "postgres://a:12?secret@127.0.0.1:1/x", "%40"},
		{"number and # in the password", "postgres://a:12#secret@127.0.0.1:1/x", "%40"},
		{"service without a file", "postgres://?service=unknown&servicefile=/nowhere", "service"},
		{"nobody there, two @", "postgres://a:x@secret@127.0.0.1:1/x", "connect"},
		{"nobody there, user in the query", "postgres://127.0.0.1:1/x?user=me@corp&password=secret", "connect"},
		{"nobody there", "postgres://a:secret@127.0.0.1:1/x", "connect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), c.url)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if _, bad := errors.AsType[store.BadURL](err); bad == strings.HasPrefix(c.name, "nobody there") {
				t.Errorf("BadURL is %v: %v", bad, err)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("says too much: %v", err)
			}
		})
	}
}

func TestSQLiteFolder(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for _, c := range []struct{ name, path, want string }{
		{"is not there", filepath.Join(dir, "none", "refresh.db"), "cannot write in the folder " + filepath.Join(dir, "none")},
		{"is a file", filepath.Join(dir, "file", "refresh.db"), "not a directory"},
		{"cannot be written", "/proc/self/refresh.db", "cannot write in the folder /proc/self"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), "sqlite:"+c.path)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, c.want)
			}
		})
	}
	t.Run("has a name with all that a URL gives a meaning", func(t *testing.T) {
		path := filepath.Join(dir, "a b?c#d%20e&f=g.db")
		revoke(t, open(t, "sqlite:"+path), ended(1))
		info, err := os.Stat(path)
		must(t, err)
		if info.Mode().Perm() != 0o600 {
			t.Errorf("others may read it: %v", info.Mode())
		}
	})
}

// TestSQLitePragmas: every connection is durable and waits for locks, not the first alone.
func TestSQLitePragmas(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	for name, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "busy_timeout": "4000"} {
		values, err := s.Pragmas(t.Context(), name)
		must(t, err)
		for i, got := range values {
			if got != want {
				t.Errorf("connection %d: %s is %s, want %s", i, name, got, want)
			}
		}
	}
}

// TestPostgresAway: without the server calls fail as unavailable, and go on when it is back;
// nothing acknowledged is lost.
func TestPostgresAway(t *testing.T) {
	database := server.StartPostgres(t)
	s := open(t, database.NewDatabase(t))
	revoke(t, s, ended(1))
	database.Crash()
	for range 3 {
		if _, err := s.Revoke(t.Context(), ended(2)); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Revoke: %v", err)
		}
		if _, err := s.Load(t.Context(), 0, 1, func(revocation.Change) {}); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Changes: %v", err)
		}
		if _, err := s.Renew(t.Context(), revocation.Lease{}, 0); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("Renew: %v", err)
		}
	}
	must(t, database.Resume())
	if got := revoke(t, s, ended(3)); got.Sequence != 2 {
		t.Errorf("sequence %d, want 2", got.Sequence)
	}
	if n := len(list(t, s, math.MaxInt64, 10)); n != 2 {
		t.Errorf("%d are there, 2 were acknowledged", n)
	}
}

// TestPostgresLimits: if another session holds a lock, the store is unavailable. The caller does not
// wait for ever.
func TestPostgresLimits(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	s := open(t, url+"&lock_timeout=100")
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	tx, err := conn.Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "UPDATE refresh_feed SET head = head")
	must(t, err)
	if _, err := s.Revoke(t.Context(), ended(1)); !errors.Is(err, revocation.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	must(t, tx.Rollback(t.Context()))
	revoke(t, s, ended(1))
}

// TestPostgresReadOnly: a server that has become a standby is not one to read from or write to.
func TestPostgresReadOnly(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	open(t, url)
	if _, err := store.Open(t.Context(), url+"&default_transaction_read_only=on"); err == nil {
		t.Error("a read-only server was accepted")
	}
}

// TestPostgresName: pg_stat_activity shows whose connections they are, also if the URL's name is
// empty.
func TestPostgresName(t *testing.T) {
	url := shared.Postgres(t).NewDatabase(t)
	conn, err := pgx.Connect(t.Context(), url)
	must(t, err)
	defer conn.Close(context.Background())
	for given, want := range map[string]string{"": "refreshd", "&application_name=": "refreshd", "&application_name=login": "login"} {
		s, err := store.Open(t.Context(), url+given)
		must(t, err)
		list(t, s, math.MaxInt64, 1) // opens a connection
		var names int
		const query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
		must(t, conn.QueryRow(t.Context(), query, want).Scan(&names))
		if names == 0 {
			t.Errorf("%q: no connection has the name %q", given, want)
		}
		must(t, s.Close())
	}
}
