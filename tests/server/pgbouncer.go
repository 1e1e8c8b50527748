package server

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// pgbouncerConfig has no setting that one can do without: everything else is PgBouncer's default.
const pgbouncerConfig = `
[databases]
* = host=127.0.0.1 port=%[1]d user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %[2]s
unix_socket_dir =
auth_type = any
pool_mode = %[3]s
`

// PgBouncer starts a pooler in front of the server, until the test ends, and returns the URL
// through it of a database's own URL. The mode is session or transaction. The test fails if
// PgBouncer is missing.
func (s *Postgres) PgBouncer(tb testing.TB, mode, database string) string {
	tb.Helper()
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		program = "/usr/sbin/pgbouncer" // often not in PATH
	}
	address, err := FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address) // it comes from a listener
	config := filepath.Join(s.folder, "pgbouncer-"+port+".ini")
	text := fmt.Sprintf(pgbouncerConfig, s.port, port, mode)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program, config)
	cmd.Dir, cmd.SysProcAttr = s.folder, &syscall.SysProcAttr{Credential: s.account}
	Run(tb, cmd).AwaitPort(tb, address)
	return strings.Replace(database, s.Address(), address, 1)
}
