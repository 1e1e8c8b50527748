package server

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// nginxConfig is the configuration of Debian's package, for one server in front of a backend.
const nginxConfig = `
daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server {
		listen %[2]s;
		location / {
			proxy_pass http://%[3]s;
		}
	}
}
`

// Nginx starts nginx with default settings in front of a server, until the test ends, and returns
// its URL. The test fails if nginx is missing.
func Nginx(tb testing.TB, backend *url.URL) *url.URL {
	tb.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // often not in PATH
	}
	address, err := FreeAddress()
	if err != nil {
		tb.Fatal(err)
	}
	folder := tb.TempDir()
	config := filepath.Join(folder, "nginx.conf")
	text := fmt.Sprintf(nginxConfig, folder, address, backend.Host)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command(program, "-p", folder, "-c", config, "-e", "stderr")
	Run(tb, cmd).AwaitPort(tb, address)
	return URL(tb, "http://"+address)
}
