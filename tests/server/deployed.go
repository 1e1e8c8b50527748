package server

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Deployed starts a proxy with a file of deploy/, in which only names, addresses and files are
// replaced, and returns its address. replace returns pairs of old and new text; the folder has
// cert.pem, key.pem, both.pem and, once replaced, config.
func Deployed(tb testing.TB, file string, replace func(address, folder string) []string,
	command func(folder string) *exec.Cmd,
) string {
	tb.Helper()
	address, err := FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("../../deploy", file))
	if err != nil {
		tb.Fatal(err)
	}
	folder := tb.TempDir()
	writeCertificate(tb, folder)
	pairs := replace(address, folder)
	config := string(text)
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(config, pairs[i]) {
			tb.Fatalf("%s has no %q", file, pairs[i])
		}
		config = strings.ReplaceAll(config, pairs[i], pairs[i+1])
	}
	if err := os.WriteFile(filepath.Join(folder, "config"), []byte(config), 0o600); err != nil {
		tb.Fatal(err)
	}
	Run(tb, command(folder)).AwaitPort(tb, address)
	return address
}

// NginxCommand returns the command that starts nginx with the file config of a folder in its http
// block.
func NginxCommand(tb testing.TB) func(folder string) *exec.Cmd {
	const main = "daemon off; master_process off; pid %[1]s/pid; error_log stderr; events {} http {" +
		"access_log off; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; " +
		"fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e; " +
		"include %[1]s/config; }"
	return func(folder string) *exec.Cmd {
		tb.Helper()
		path := filepath.Join(folder, "nginx.conf")
		if err := os.WriteFile(path, fmt.Appendf(nil, main, folder), 0o600); err != nil {
			tb.Fatal(err)
		}
		return exec.Command("/usr/sbin/nginx", "-p", folder, "-c", path, "-e", "stderr")
	}
}

// HAProxyCommand returns the command that starts HAProxy with the file config of a folder.
func HAProxyCommand(folder string) *exec.Cmd {
	return exec.Command("/usr/sbin/haproxy", "-db", "-f", filepath.Join(folder, "config"))
}
