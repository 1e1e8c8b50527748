package service_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/service"
)

func TestWarn(t *testing.T) {
	folder := t.TempDir()
	public, private := filepath.Join(folder, "public"), filepath.Join(folder, "private")
	writable := filepath.Join(folder, "writable")
	for path, mode := range map[string]os.FileMode{public: 0o644, private: 0o600, writable: 0o622} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	const withPassword = "postgres://me:sesame@localhost/refresh"
	for _, c := range []struct {
		name      string
		settings  service.Settings
		arguments []string
		want      string // of the warning; empty: none
	}{
		{"secret as an argument", service.Settings{Secret: "s"}, []string{"secret"},
			"--secret/REFRESH_SECRET"},
		{"secret as a variable", service.Settings{Secret: "s"}, nil, ""},
		{"password as an argument", service.Settings{Store: withPassword}, []string{"store"},
			"--store/"},
		{"password in the query",
			service.Settings{Store: "postgres://me@127.0.0.1/x?password=sesame"},
			[]string{"store"}, "--store/"},
		{"password as a variable", service.Settings{Store: withPassword}, []string{"listen"}, ""},
		{"no password", service.Settings{Store: "postgres://me@localhost/refresh"},
			[]string{"store"}, ""},
		{"no sslmode", service.Settings{Store: "postgres://me@db/refresh"}, nil,
			"sslmode=verify-full"},
		{"weak sslmode", service.Settings{Store: "postgres://me@db/refresh?sslmode=prefer"}, nil,
			"sslmode=verify-full"},
		{"one remote host", service.Settings{Store: "postgres://me@localhost,db:5433/refresh"},
			nil, "sslmode=verify-full"},
		{"remote host in the query",
			service.Settings{Store: "postgres://me@/refresh?host=10.0.0.1"}, nil,
			"sslmode=verify-full"},
		{"sslmode given", service.Settings{Store: "postgres://me@db/refresh?sslmode=disable"}, nil,
			""},
		{"socket", service.Settings{Store: "postgres://me@/refresh?host=/run/postgresql"}, nil, ""},
		{"IPv6 loopback", service.Settings{Store: "postgres://me@[::1]:5432/refresh"}, nil, ""},
		{"public secret file", service.Settings{SecretFile: public}, nil, "path=" + public},
		{"private secret file", service.Settings{SecretFile: private}, nil, ""},
		{"public store", service.Settings{Store: "sqlite:" + public}, nil, "path=" + public},
		{"private store", service.Settings{Store: "sqlite:" + private}, nil, ""},
		{"writable key file", service.Settings{Keys: writable}, nil, "can change a file"},
		{"writable keys of the issuer", service.Settings{IssuerJwks: writable}, nil,
			"can change a file"},
		{"public keys of the issuer", service.Settings{IssuerJwks: public}, nil, ""},
		{"page on another site", service.Settings{
			BrowserDoor: true,
			PublicUrl:   "https://api.example.co.uk",
			CORSOrigin:  []string{"https://app.example.co.uk", "https://other.co.uk"},
		}, nil, "origin=https://other.co.uk"},
		{"page without TLS", service.Settings{
			BrowserDoor: true,
			PublicUrl:   "https://api.example.com",
			CORSOrigin:  []string{"http://app.example.com"},
		}, nil, "origin=http://app.example.com"},
		{"pages on two sites", service.Settings{
			BrowserDoor: true,
			CORSOrigin:  []string{"https://app.example.com", "https://app.example.org"},
		}, nil, "origin=https://app.example.org"},
		{"pages of one site", service.Settings{
			BrowserDoor: true,
			PublicUrl:   "https://example.com:8443/auth",
			CORSOrigin:  []string{"https://app.example.com", "https://example.com"},
		}, nil, ""},
		{"another site, without cookies", service.Settings{
			PublicUrl:  "https://example.com",
			CORSOrigin: []string{"https://example.org"},
		}, nil, ""},
		{"playground", service.Settings{Secret: "s", Playground: true}, nil, "log in as any user"},
		{"playground with a development key", service.Settings{Playground: true}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			c.settings.Warn(slog.New(slog.NewTextHandler(&log, nil)), c.arguments)
			if got := strings.Count(log.String(), "\n"); (got == 1) != (c.want != "") || got > 1 {
				t.Errorf("%d warnings:\n%s", got, &log)
			}
			if !strings.Contains(log.String(), c.want) || strings.Contains(log.String(), "sesame") {
				t.Errorf("want %q without a password in:\n%s", c.want, &log)
			}
		})
	}
}

func TestDuration(t *testing.T) {
	for _, text := range []string{"0s", "30s", "1h0m0s", "1d", "365d", "1d12h0m0s"} {
		var d service.Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.String() != text {
			t.Errorf("%q is read and written as %q: %v", text, d, err)
		}
	}
}
