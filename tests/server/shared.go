package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
)

// Shared is shared by the tests of one package: refreshd, built once, and one PostgreSQL. Each is
// made at the first request. The zero value is ready:
//
//	var shared server.Shared
//
//	func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }
type Shared struct {
	build   sync.Once
	folder  string
	program string
	failed  error

	start    sync.Once
	postgres *Postgres
	refused  error
}

// Main runs the tests and then removes the program and the database. It returns the exit status.
func (s *Shared) Main(m *testing.M) int {
	status := m.Run()
	var err error
	if s.postgres != nil {
		err = s.postgres.Close()
	}
	if err = errors.Join(err, os.RemoveAll(s.folder)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return status
}

// Program returns the path of refreshd.
func (s *Shared) Program(tb testing.TB) string {
	tb.Helper()
	s.build.Do(func() {
		//nolint:usetesting // it outlives the test
		s.folder, s.failed = os.MkdirTemp("", "refreshd-")
		if s.failed == nil {
			s.program, s.failed = Build(context.WithoutCancel(tb.Context()), s.folder)
		}
	})
	if s.failed != nil {
		tb.Fatal(s.failed)
	}
	return s.program
}

// Postgres returns the PostgreSQL for all tests that do not stop it.
func (s *Shared) Postgres(tb testing.TB) *Postgres {
	tb.Helper()
	s.start.Do(func() { s.postgres, s.refused = NewPostgres() })
	if s.refused != nil {
		tb.Fatal(s.refused)
	}
	return s.postgres
}
