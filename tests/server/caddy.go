package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// caddyConfig imports a Caddyfile. A test must not open port 80 or Caddy's own port for
// administration.
const caddyConfig = `{
	admin off
	skip_install_trust
	auto_https disable_redirects
	storage file_system %s
}
import %s
`

// Caddy starts Caddy with a Caddyfile of deploy/ until the test ends, and returns its URL, whose
// host is localhost. Caddy makes the certificate itself. variables returns the variables that the
// Caddyfile reads, for that URL. The test fails if Caddy is missing.
func Caddy(tb testing.TB, file string, variables func(url string) []string) string {
	tb.Helper()
	program, err := exec.LookPath("caddy")
	if err != nil {
		tb.Fatalf("%v: run make install", err)
	}
	path, err := filepath.Abs(filepath.Join("../../deploy", file))
	if err != nil {
		tb.Fatal(err)
	}
	address, err := FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	host := "localhost" + address[strings.LastIndexByte(address, ':'):]
	folder := tb.TempDir()
	config := filepath.Join(folder, "Caddyfile")
	if err := os.WriteFile(config, fmt.Appendf(nil, caddyConfig, folder, path), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program, "run", "--adapter", "caddyfile", "--config", config)
	cmd.Dir = folder
	cmd.Env = append(variables("https://"+host), "HOME="+folder)
	Run(tb, cmd).Await(tb, "Caddy to have its certificate", func() bool {
		conn, err := tls.Dial("tcp", host, &tls.Config{
			InsecureSkipVerify: true, //nolint:gosec // the certificate is of Caddy's own authority
		})
		return err == nil && conn.Close() == nil
	})
	return "https://" + host
}
