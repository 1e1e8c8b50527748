package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Password is the password of all users of a Patroni cluster.
const Password = "for-tests-only"

// Patroni is three PostgreSQL servers under Patroni, with one etcd, from Debian's packages and the
// files in deploy/patroni: one leader, one synchronous standby and one other standby.
type Patroni struct {
	Members []*Member

	territory *territory
	account   *syscall.Credential
	etcd      *Process
	etcdAt    string // address
}

// StartPatroni starts a cluster that ends with the test, and returns when commits wait for the
// synchronous standby. The test fails if a program is missing.
func StartPatroni(tb testing.TB) *Patroni {
	tb.Helper()
	territory, err := newTerritory("patroni-")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := territory.close(); err != nil {
			tb.Error(err)
		}
	})
	p := &Patroni{territory: territory}
	if p.account, err = postgresAccount(); err != nil {
		tb.Fatal(err)
	}
	p.startEtcd(tb)
	for _, name := range []string{"db1", "db2", "db3"} {
		m := p.newMember(tb, name)
		p.Members = append(p.Members, m)
		if err := m.Start(); err != nil {
			tb.Fatal(err)
		}
	}
	tb.Cleanup(func() {
		for _, m := range p.Members {
			if tb.Failed() {
				tb.Logf("the log of %s ends with:\n%s", m.Name, m.Log.Tail())
			}
		}
	})
	p.AwaitHealthy(tb)
	return p
}

// deployed returns the path of a file in deploy/patroni.
func deployed(tb testing.TB, file string) string {
	tb.Helper()
	folder, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return filepath.Join(folder, "deploy", "patroni", file)
		}
		if folder == filepath.Dir(folder) {
			tb.Fatal("go.mod is in no folder above")
		}
		folder = filepath.Dir(folder)
	}
}

func (p *Patroni) makeFolder(tb testing.TB, folder string) {
	tb.Helper()
	err := os.MkdirAll(folder, 0o700)
	if err == nil && p.account != nil {
		err = errors.Join(
			os.Chmod(p.territory.folder, 0o711), //nolint:gosec // the account must enter
			os.Chown(folder, int(p.account.Uid), int(p.account.Gid)),
		)
	}
	if err != nil {
		tb.Fatal(err)
	}
}

func mustFreeAddress(tb testing.TB) string {
	tb.Helper()
	address, err := FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

// URL returns the URL of a database, with the addresses of all members.
func (p *Patroni) URL(database string) string {
	hosts := make([]string, len(p.Members))
	for i, m := range p.Members {
		hosts[i] = m.Address()
	}
	return fmt.Sprintf("postgres://postgres:%s@%s/%s?sslmode=disable&target_session_attrs=read-write",
		Password, strings.Join(hosts, ","), database)
}

// NewDatabase creates an empty database and returns its URL once all members have it.
func (p *Patroni) NewDatabase(tb testing.TB, name string) string {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err == nil {
		_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
		err = errors.Join(err, conn.Close(ctx))
	}
	if err != nil {
		tb.Fatal(err)
	}
	for _, m := range p.Members {
		m.Await(tb, "the database on "+m.Name, func() bool {
			conn, err := pgx.Connect(ctx, m.Own(name))
			return err == nil && conn.Close(ctx) == nil
		})
	}
	return p.URL(name)
}

// AwaitHealthy waits until there is a leader to which both other members stream, one of them as the
// synchronous standby.
func (p *Patroni) AwaitHealthy(tb testing.TB) {
	tb.Helper()
	// Each rewind or copy of a database takes a turn of Patroni.
	for deadline := time.Now().Add(3 * Patience); ; time.Sleep(100 * time.Millisecond) {
		if p.healthy() {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("the cluster does not become healthy: %v", p.states())
		}
	}
}

// healthy is true if PostgreSQL has both standbys and Patroni has the name of the synchronous one in
// etcd. Patroni writes the name there two seconds after it has set it in PostgreSQL; if the leader
// is lost before, no standby may take over.
func (p *Patroni) healthy() bool {
	named := func(s memberState) bool { return s.Role == "sync_standby" }
	if !slices.ContainsFunc(p.states(), named) {
		return false
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return false
	}
	defer conn.Close(ctx)
	const query = `SELECT count(*) FILTER (WHERE state = 'streaming'),
count(*) FILTER (WHERE sync_state = 'sync' AND current_setting('synchronous_standby_names') <> '*')
FROM pg_stat_replication WHERE application_name LIKE 'db_'`
	var streaming, synchronous int
	err = conn.QueryRow(ctx, query).Scan(&streaming, &synchronous)
	return err == nil && streaming == len(p.Members)-1 && synchronous == 1
}

// Leader returns the member that Patroni names as the leader.
func (p *Patroni) Leader(tb testing.TB) *Member {
	tb.Helper()
	for deadline := time.Now().Add(Patience); ; time.Sleep(100 * time.Millisecond) {
		for _, s := range p.states() {
			for _, m := range p.Members {
				if s.Role == "leader" && s.Name == m.Name {
					return m
				}
			}
		}
		if time.Now().After(deadline) {
			tb.Fatal("there is no leader")
		}
	}
}

// states asks the members for the state of the cluster, until one answers.
func (p *Patroni) states() []memberState {
	for _, m := range p.Members {
		if states, err := m.cluster(); err == nil {
			return states
		}
	}
	return nil
}
