package server

import (
	"context"
	"errors"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
)

// URL returns the URL of a database.
func (s *Postgres) URL(database string) string {
	return "postgres://postgres@" + s.Address() + "/" + database + "?sslmode=disable"
}

// NewDatabase creates an empty database and returns its URL.
func (s *Postgres) NewDatabase(tb testing.TB) string {
	tb.Helper()
	name := "test" + strconv.FormatInt(s.databases.Add(1), 10)
	if err := s.Exec("CREATE DATABASE " + name); err != nil {
		tb.Fatal(err)
	}
	return s.URL(name)
}

// Exec runs one statement as the superuser.
func (s *Postgres) Exec(statement string) error { return s.ExecIn(s.URL("postgres"), statement) }

// ExecIn runs one statement in the database with the URL.
func (*Postgres) ExecIn(url, statement string) error {
	ctx := context.Background()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, statement)
	return errors.Join(err, conn.Close(ctx))
}
