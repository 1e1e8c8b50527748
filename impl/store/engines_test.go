package store_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/store"
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
	t.Run("sqlite file", func(t *testing.T) {
		test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	})
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
				cmd.Env = append(os.Environ(), helperEnv+"="+url,
					"STORE_TEST_FROM="+strconv.Itoa(from))
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
		{"nobody there, user in the query",
			"postgres://127.0.0.1:1/x?user=me@corp&password=secret", "connect"},
		{"nobody there", "postgres://a:secret@127.0.0.1:1/x", "connect"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), c.url)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if _, bad := errors.AsType[store.BadURL](
				err); bad == strings.HasPrefix(c.name, "nobody there") {
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
		{"is not there", filepath.Join(dir, "none", "refresh.db"),
			"cannot write in the folder " + filepath.Join(dir, "none")},
		{"is a file", filepath.Join(dir, "file", "refresh.db"), "not a directory"},
		{"cannot be written", "/proc/self/refresh.db", "cannot write in the folder /proc/self"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := store.Open(t.Context(), "sqlite:"+c.path)
			if err == nil || !strings.Contains(err.Error(), c.want) ||
				strings.Contains(err.Error(), "\n") {
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
	for name, want := range map[string]string{
		"journal_mode": "wal",
		"synchronous":  "2",
		"busy_timeout": "4000",
	} {
		values, err := s.Pragmas(t.Context(), name)
		must(t, err)
		for i, got := range values {
			if got != want {
				t.Errorf("connection %d: %s is %s, want %s", i, name, got, want)
			}
		}
	}
}
