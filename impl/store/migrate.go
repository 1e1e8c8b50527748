package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNoRights means that the schema is out of date and that the database user may not change it.
var ErrNoRights = errors.New("this user may not create or change the tables")

// ErrNewerSchema is returned for a store that a newer version of this program has changed.
var ErrNewerSchema = errors.New("the store was written by a newer version of this program")

// schemaTable is the table of the migrations that were applied.
const schemaTable = "refresh_schema"

// migrate brings the schema up to date, and returns the names of the migrations that it applied.
// Each migration is a transaction. It returns ErrNewerSchema if a newer version of this program has
// changed the schema so that this one cannot use it. If the schema is up to date, it only reads.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect) (applied []string, err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return nil, err
	}
	p, err := goose.NewProvider(dialect, db, files, goose.WithTableName(schemaTable),
		goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, err
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return nil, err
	}
	if have > know {
		return nil, checkNewer(ctx, db, have, know)
	}
	if have == know {
		return nil, nil
	}
	results, err := p.Up(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range results {
		applied = append(applied, filepath.Base(r.Source.Path))
	}
	return applied, nil
}

// checkNewer returns ErrNewerSchema unless the schema says that a program that knows version know
// may use it.
func checkNewer(ctx context.Context, db *sql.DB, have, know int64) error {
	oldest := have
	const query = "SELECT oldest_schema FROM refresh_store WHERE id = 1"
	if err := db.QueryRowContext(ctx, query).Scan(&oldest); err != nil {
		return err
	}
	if oldest > know {
		return fmt.Errorf("%w: its schema is version %d, for programs that know version %d; this program knows "+
			"versions up to %d", ErrNewerSchema, have, oldest, know)
	}
	return nil
}
