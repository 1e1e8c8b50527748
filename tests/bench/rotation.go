//go:build linux

package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/tests/server"
)

// rotationServers are engine and number of sessions in the store.
const rotationServers = "sqlite/1000,sqlite/1000000,postgres/1000,postgres/1000000"

// compareRotation measures refreshd in rotation mode, in closed loop. The window is 0, so that every refresh moves its session on; each
// connection follows sessions of its own, chosen at random, from token to token. The stores last over all rounds.
func compareRotation(ctx context.Context, set settings, scratch string, result *report) error {
	binary, err := program(ctx, set.refreshd, scratch)
	if err != nil {
		return err
	}
	var scenarios []scenario
	var database *server.Postgres
	defer func() {
		if database != nil {
			_ = database.Close() // its folder is all that is left
		}
	}()
	for _, name := range set.Servers {
		engine, count, err := rotationServer(name)
		if err != nil {
			return err
		}
		url := "sqlite:" + filepath.Join(scratch, strings.ReplaceAll(name, "/", "-")+".db")
		if engine == "postgres" {
			if database == nil {
				if database, err = server.NewPostgres("fsync=on", "synchronous_commit=on", "shared_buffers=512MB", "max_wal_size=4GB"); err != nil {
					return err
				}
			}
			if url, err = newDatabase(ctx, database, "bench"+strconv.Itoa(count)); err != nil {
				return err
			}
		}
		s, err := rotationScenario(ctx, name, binary, scratch, url, count, set.Connections)
		if err != nil {
			return err
		}
		scenarios = append(scenarios, s)
	}
	return rounds(ctx, set, scenarios, closedLoop(true), result)
}

func rotationServer(name string) (engine string, sessions int, err error) {
	engine, count, _ := strings.Cut(name, "/")
	sessions, err = strconv.Atoi(count)
	if err != nil || sessions < 1 || engine != "sqlite" && engine != "postgres" {
		return "", 0, fmt.Errorf("server %q is none such as sqlite/1000 or postgres/1000", name)
	}
	return engine, sessions, nil
}

func newDatabase(ctx context.Context, database *server.Postgres, name string) (string, error) {
	conn, err := pgx.Connect(ctx, database.URL("postgres"))
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	return database.URL(name), err
}

func rotationScenario(ctx context.Context, name, binary, scratch, url string, count, clients int) (scenario, error) {
	secret := rand.Text() + rand.Text()
	chains, err := newChains([]byte(secret), count, clients)
	if err != nil {
		return scenario{}, err
	}
	fmt.Fprintf(os.Stderr, "%s: filling the store\n", name)
	if err := chains.fill(ctx, url); err != nil {
		return scenario{}, err
	}
	operations, err := freeAddress()
	if err != nil {
		return scenario{}, err
	}
	env := func(listen string) []string {
		return []string{
			"REFRESH_LISTEN=" + listen, "REFRESH_OPS_LISTEN=" + operations, "REFRESH_SECRET=" + secret, "REFRESH_STORE=" + url,
			"REFRESH_ROTATION=true", "REFRESH_ROTATION_WINDOW=0s",
		}
	}
	return scenario{name: name, command: []string{binary}, env: env, dir: scratch, talk: chains.talk, operations: operations}, nil
}

func shared(s sample) float64 { return s.Shared }

// printRotation prints what the standard tables do not say.
func (r *report) printRotation(to io.Writer) {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	fmt.Fprintln(table, "\nserver\trotations a commit")
	for _, name := range r.servers() {
		fmt.Fprintf(table, "%s\t%s\n", name, r.over(name, shared).format(1))
	}
	fmt.Fprintln(table, "\nratio\trequests/s\tp99")
	for _, engine := range []string{"sqlite", "postgres"} {
		few, many := engine+"/1000", engine+"/1000000"
		if r.over(few, rate).Median > 0 && r.over(many, rate).Median > 0 {
			fmt.Fprintf(table, "%s / %s\t%s\t%s\n", many, few, r.ratio(many, few, rate).format(3), r.ratio(many, few, p99).format(2))
		}
	}
}
