package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Postgres is a PostgreSQL server in a temporary folder, from the binaries that Debian's package
// installs. It listens on 127.0.0.1 and trusts every connection.
type Postgres struct {
	*Process
	bin, folder string
	port        int
	settings    []string
	account     *syscall.Credential
	databases   atomic.Int64
}

// NewPostgres starts a server. A setting is written as in postgresql.conf, for example
// "max_connections=200". The caller must call Close.
func NewPostgres(settings ...string) (*Postgres, error) {
	return newPostgres(settings, func(s *Postgres) error {
		return s.command("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8",
			"--locale=C", "--no-sync")
	})
}

// StartPostgres starts a server that ends with the test. The test fails if PostgreSQL is missing.
func StartPostgres(tb testing.TB, settings ...string) *Postgres {
	tb.Helper()
	s, err := NewPostgres(settings...)
	return s.ofTest(tb, err)
}

// Standby starts a streaming standby of the server, which ends with the test. The setting
// primary_conninfo names it as the application name, for synchronous_standby_names.
func (s *Postgres) Standby(tb testing.TB, name string, settings ...string) *Postgres {
	tb.Helper()
	standby, err := newPostgres(append(s.settings, settings...), func(copied *Postgres) error {
		source := fmt.Sprintf(
			"host=127.0.0.1 port=%d user=postgres application_name=%s",
			s.port,
			name,
		)
		return copied.command(
			"pg_basebackup",
			"-D",
			copied.data(),
			"-d",
			source,
			"-R",
			"-X",
			"stream",
			"-c",
			"fast",
			"--no-sync",
		)
	})
	return standby.ofTest(tb, err)
}

func newPostgres(settings []string, create func(*Postgres) error) (*Postgres, error) {
	bin, err := postgresBinaries()
	if err != nil {
		return nil, err
	}
	account, err := postgresAccount()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		return nil, err
	}
	s := &Postgres{bin: bin, folder: folder, account: account, settings: settings}
	if account != nil {
		err = os.Chown(folder, int(account.Uid), int(account.Gid))
	}
	if err == nil {
		err = create(s)
	}
	for try := 0; err == nil; try++ {
		if err = s.launch(); err == nil {
			return s, nil
		}
		if try < 4 {
			s.port, err = 0, nil // another process may have taken the port
		}
	}
	return nil, errors.Join(err, os.RemoveAll(folder))
}

// ofTest makes the server end with the test.
func (s *Postgres) ofTest(tb testing.TB, err error) *Postgres {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if tb.Failed() {
			tb.Logf("the log of PostgreSQL ends with:\n%s", s.Log.Tail())
		}
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

// command runs one of PostgreSQL's programs to its end.
func (s *Postgres) command(program string, args ...string) error {
	cmd := exec.Command(filepath.Join(s.bin, program), args...)
	cmd.Dir, cmd.SysProcAttr = s.folder, &syscall.SysProcAttr{Credential: s.account}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

func (s *Postgres) data() string { return filepath.Join(s.folder, "data") }

// Resume starts the server again after Stop or Crash, on the same port.
func (s *Postgres) Resume() error {
	for try := 0; ; try++ {
		err := s.launch()
		if err == nil || try == 4 {
			return err
		}
	}
}

func (s *Postgres) launch() error {
	if s.port == 0 {
		address, err := FreeAddress()
		if err != nil {
			return err
		}
		_, port, _ := net.SplitHostPort(address) // it comes from a listener
		if s.port, err = strconv.Atoi(port); err != nil {
			return err
		}
	}
	args := []string{
		"-D",
		s.data(),
		"-p",
		strconv.Itoa(s.port),
		"-k",
		s.folder,
		"-c",
		"listen_addresses=127.0.0.1",
		// Only a machine that stops loses data without fsync; a killed process does not.
		"-c",
		"fsync=off",
		"-c",
		"max_connections=200",
	}
	for _, setting := range s.settings {
		args = append(args, "-c", setting)
	}
	cmd := exec.Command(filepath.Join(s.bin, "postgres"), args...)
	cmd.Dir, cmd.SysProcAttr = s.folder, &syscall.SysProcAttr{Credential: s.account}
	process, err := Launch(cmd, syscall.SIGQUIT)
	if err != nil {
		return err
	}
	s.Process = process
	if err := s.awaitAnswer(); err != nil {
		s.Crash()
		return fmt.Errorf("%w\n%s", err, s.Log.Tail())
	}
	return nil
}

func (s *Postgres) awaitAnswer() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.Done:
			return errors.New("postgres ended")
		case <-ctx.Done():
			return err
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Folder returns the folder of the data, with the server's own configuration files.
func (s *Postgres) Folder() string { return s.data() }

// Address returns host and port, for a proxy or a URL with several hosts.
func (s *Postgres) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// Promote makes a primary of a standby and returns when it accepts writes.
func (s *Postgres) Promote() error { return s.Exec("SELECT pg_promote()") }

// Stop ends the server as an operator does: open transactions are rolled back.
func (s *Postgres) Stop() { s.end(syscall.SIGINT) }

// Crash ends all of the server's processes at once. The server recovers when it is resumed.
func (s *Postgres) Crash() { s.end(syscall.SIGQUIT) }

func (s *Postgres) end(signal syscall.Signal) {
	s.Thaw() // a frozen process cannot end
	s.Send(signal)
	select {
	case <-s.Done:
	case <-time.After(20 * time.Second):
		s.Kill()
	}
}

// Close ends the server and removes its folder.
func (s *Postgres) Close() error {
	if s.Process != nil {
		s.Crash()
	}
	return os.RemoveAll(s.folder)
}
