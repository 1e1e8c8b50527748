// Package pgtest starts a real PostgreSQL for tests, in a temporary folder, from the binaries that Debian's package installs.
package pgtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/tests/process"
)

// Server is a PostgreSQL cluster of its own. It listens on 127.0.0.1 and trusts everybody there.
type Server struct {
	bin, dir string
	port     int
	settings []string
	account  *syscall.Credential
	process  *process.Process
	made     atomic.Int64
}

// New starts a server. Each setting is as in postgresql.conf, such as "max_connections=200". Whoever calls it must call Close.
func New(settings ...string) (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	account, err := account()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pgtest-")
	if err != nil {
		return nil, err
	}
	s := &Server{bin: bin, dir: dir, account: account, settings: settings}
	if err := s.create(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	for range 5 {
		if err = s.launch(); err == nil {
			return s, nil
		}
		s.port = 0 // somebody else may have taken it
	}
	return nil, errors.Join(err, s.Close())
}

// Start starts a server that ends with the test. That PostgreSQL is not installed is a failure.
func Start(tb testing.TB, settings ...string) *Server {
	tb.Helper()
	s, err := New(settings...)
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Errorf("pgtest: %v", err)
		}
	})
	return s
}

// Shared is a server for all tests of a package, which starts when it is first asked for. TestMain closes it.
type Shared struct {
	once   sync.Once
	server *Server
	err    error
}

// Server returns the server.
func (s *Shared) Server(tb testing.TB) *Server {
	tb.Helper()
	s.once.Do(func() { s.server, s.err = New() })
	if s.err != nil {
		tb.Fatalf("pgtest: %v", s.err)
	}
	return s.server
}

// Close ends the server if it was started.
func (s *Shared) Close() error {
	if s.server == nil {
		return nil
	}
	return s.server.Close()
}

// binaries finds the folder of the newest version that is installed.
func binaries() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		newest := slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
		return filepath.Dir(newest), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("PostgreSQL is not installed: apt-get install postgresql")
	}
	return filepath.Dir(path), nil
}

func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}

func (s *Server) create() error {
	if s.account != nil {
		if err := os.Chown(s.dir, int(s.account.Uid), int(s.account.Gid)); err != nil {
			return err
		}
	}
	cmd := exec.Command(filepath.Join(s.bin, "initdb"), "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8",
		"--locale=C", "--no-sync")
	cmd.Dir, cmd.SysProcAttr = s.dir, &syscall.SysProcAttr{Credential: s.account}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Resume starts the server again after Stop or Crash, on the same port.
func (s *Server) Resume() error {
	for try := 0; ; try++ {
		err := s.launch()
		if err == nil || try == 4 {
			return err
		}
	}
}

func (s *Server) launch() (err error) {
	if s.port == 0 {
		if s.port, err = freePort(); err != nil {
			return err
		}
	}
	args := []string{"-D", s.data(), "-p", strconv.Itoa(s.port), "-k", s.dir, "-c", "listen_addresses=127.0.0.1",
		// A process that is killed loses nothing without fsync: only a machine does.
		"-c", "fsync=off", "-c", "max_connections=200"}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	s.process, err = start(filepath.Join(s.bin, "postgres"), args, s.dir, s.account)
	if err != nil {
		return err
	}
	if err := s.ready(); err != nil {
		end(s.process, syscall.SIGQUIT)
		return fmt.Errorf("%w\n%s", err, s.process.Log.String())
	}
	return nil
}

func (s *Server) ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.process.Done:
			return errors.New("postgres ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Address is the host and port, for a proxy.
func (s *Server) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// URL is the URL of a database.
func (s *Server) URL(database string) string {
	return "postgres://postgres@" + s.Address() + "/" + database + "?sslmode=disable"
}

// NewDatabase makes an empty database and returns its URL.
func (s *Server) NewDatabase(tb testing.TB) string {
	tb.Helper()
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	defer conn.Close(ctx)
	name := "test" + strconv.FormatInt(s.made.Add(1), 10)
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		tb.Fatalf("pgtest: %v", err)
	}
	return s.URL(name)
}

// Stop ends the server as an operator would: open transactions are rolled back.
func (s *Server) Stop() { end(s.process, syscall.SIGINT) }

// Crash ends the server at once; it recovers when it is resumed.
func (s *Server) Crash() { end(s.process, syscall.SIGQUIT) }

// Restart is Stop and Resume.
func (s *Server) Restart() error {
	s.Stop()
	return s.Resume()
}

// Close ends the server and removes its folder.
func (s *Server) Close() error {
	if s.process != nil {
		s.Crash()
	}
	return os.RemoveAll(s.dir)
}
