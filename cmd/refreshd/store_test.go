package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"kalsel.dev/refresh/tests/server"
)

// TestStoreScripts runs the scripts in testdata/store with each store that several processes can
// use. Its URL is $STORE.
func TestStoreScripts(t *testing.T) {
	run := func(name string, url func(*testing.T) string) {
		t.Run(name, func(t *testing.T) {
			params := scripts("testdata/store")
			setup := params.Setup
			params.Setup = func(env *testscript.Env) error {
				env.Setenv("STORE", url(t))
				env.Setenv("ESCAPE", "a\x1b[2J")
				return setup(env)
			}
			testscript.Run(t, params)
		})
	}
	run("sqlite", func(*testing.T) string { return "sqlite:refresh.db" })
	postgres := server.StartPostgres(t)
	run("postgres", func(t *testing.T) string { return postgres.NewDatabase(t) })
}
