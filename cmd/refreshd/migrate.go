package main

import (
	"context"
	"fmt"

	"kalsel.dev/refresh/impl/service"
)

// migrateCmd brings the schema of the store up to date, so that servers need no right to do so.
type migrateCmd struct{}

// Help adds details to the command's --help.
func (migrateCmd) Help() string {
	return `Only --store matters. It creates the store and its tables if they are missing. Servers do the
same when they start; with this command their database user needs no right to create tables.`
}

// Run prints the migrations that it applied.
func (migrateCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	db, err := s.OpenStore(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	for _, name := range db.Migrated() {
		if _, err := fmt.Fprintln(p.stdout, "Applied", name); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(p.stdout, "The schema is up to date.")
	return err
}
