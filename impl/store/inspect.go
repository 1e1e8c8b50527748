package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Inspection is the result of Inspect.
type Inspection struct {
	Missing bool  // there is no store yet: a server creates it when it starts
	Have    int64 // the version of the schema; 0 if there is none yet
	Know    int64 // the version that this program brings the schema up to
	// HasClock says that the store has a clock of its own, which shows Clock (Unix milliseconds).
	HasClock bool
	Clock    int64
}

// Inspect looks at the store at url and changes nothing in it. It fails if a server could not use
// the store: with BadURL if the URL is wrong, with ErrNewerSchema if the schema is too new.
func Inspect(ctx context.Context, url string) (found Inspection, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*statementLimit)
	defer cancel()
	if found.Know, err = knownVersion(); err != nil {
		return found, err
	}
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		err = inspectSQLite(ctx, rest, &found)
	case "postgres", "postgresql":
		err = inspectPostgres(ctx, url, &found)
	default:
		err = errStoreURL
	}
	if err != nil {
		err = oneLine{fmt.Errorf("store: %w", err)}
	}
	return found, err
}

func inspectSQLite(ctx context.Context, path string, found *Inspection) error {
	if path == ":memory:" {
		found.Missing = true
		return nil
	}
	if err := checkPath(path); err != nil {
		return err
	}
	if err := writableFolder(path); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0) //nolint:gosec // the operator's own choice
	if errors.Is(err, fs.ErrNotExist) {
		found.Missing = true
		return nil
	}
	if err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	db, err := openFile(path, "mode=ro&_pragma=busy_timeout(4000)")
	if err != nil {
		return err
	}
	defer db.Close()
	return inspectSchema(ctx, db, found, "SELECT 1 FROM sqlite_schema WHERE name = $1")
}

func inspectPostgres(ctx context.Context, url string, found *Inspection) error {
	c, _, err := parsePostgres(url)
	if err != nil {
		return err
	}
	db, err := c.database(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	found.HasClock = true
	if err := db.QueryRowContext(ctx, selectClock).Scan(&found.Clock); err != nil {
		return err
	}
	return inspectSchema(ctx, db, found, "SELECT 1 WHERE to_regclass($1) IS NOT NULL")
}

// inspectSchema reads the version of the schema. The statement exists finds a table by its name.
func inspectSchema(ctx context.Context, db *sql.DB, found *Inspection, exists string) error {
	var one int
	err := db.QueryRowContext(ctx, exists, schemaTable).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	const newest = "SELECT max(version_id) FROM " + schemaTable
	if err := db.QueryRowContext(ctx, newest).Scan(&found.Have); err != nil {
		return err
	}
	if found.Have > found.Know {
		return checkNewer(ctx, db, found.Have, found.Know)
	}
	return nil
}

// knownVersion returns the version of the newest migration.
func knownVersion() (version int64, err error) {
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		var n int64
		if _, err := fmt.Sscanf(filepath.Base(name), "%d_", &n); err != nil {
			return 0, fmt.Errorf("%s: %w", name, err)
		}
		version = max(version, n)
	}
	return version, nil
}
