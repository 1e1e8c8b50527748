package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrNewerSchema is returned for a store that a newer version of this program has used.
var ErrNewerSchema = errors.New("the store was written by a newer version of this program")

// schemaTable is where the migrations that were applied are noted.
const schemaTable = "refresh_schema"

// migrate brings the schema up to date. Each migration is a transaction.
func migrate(ctx context.Context, db *sql.DB, dialect goose.Dialect, options ...goose.ProviderOption) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	options = append(options, goose.WithTableName(schemaTable), goose.WithLogger(goose.NopLogger()),
		goose.WithDisableGlobalRegistry(true))
	p, err := goose.NewProvider(dialect, db, files, options...)
	if err != nil {
		return err
	}
	have, know, err := p.GetVersions(ctx)
	if err != nil {
		return err
	}
	if have > know {
		return fmt.Errorf("%w: its schema is version %d and this program knows versions up to %d", ErrNewerSchema, have, know)
	}
	_, err = p.Up(ctx)
	return err
}
