package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// startEtcd starts etcd.
func (p *Patroni) startEtcd(tb testing.TB) {
	tb.Helper()
	program, err := exec.LookPath("etcd")
	if err != nil {
		tb.Fatal("etcd is missing: run apt-get install etcd-server")
	}
	client, peer := mustFreeAddress(tb), mustFreeAddress(tb)
	p.etcdAt = client
	folder := filepath.Join(p.territory.folder, "etcd")
	p.makeFolder(tb, folder)
	cmd := exec.Command(program)
	cmd.Dir, cmd.SysProcAttr = folder, &syscall.SysProcAttr{Credential: p.account}
	cmd.Env = environment(tb, "etcd.env", map[string]string{
		"ETCD_DATA_DIR":                    filepath.Join(folder, "data"),
		"ETCD_LISTEN_CLIENT_URLS":          "http://" + client,
		"ETCD_ADVERTISE_CLIENT_URLS":       "http://" + client,
		"ETCD_LISTEN_PEER_URLS":            "http://" + peer,
		"ETCD_INITIAL_ADVERTISE_PEER_URLS": "http://" + peer,
		"ETCD_INITIAL_CLUSTER":             "db1=http://" + peer,
	})
	p.etcd = Run(tb, cmd)
	p.etcd.AwaitPort(tb, client)
}

// environment returns the variables of a file in deploy/patroni, some of them changed.
func environment(tb testing.TB, file string, changed map[string]string) []string {
	tb.Helper()
	text, err := os.ReadFile(deployed(tb, file))
	if err != nil {
		tb.Fatal(err)
	}
	all := []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C.UTF-8"}
	used := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		name, _, set := strings.Cut(line, "=")
		if strings.HasPrefix(line, "#") || !set {
			continue
		}
		if value, ok := changed[name]; ok {
			line = name + "=" + value
			used++
		}
		all = append(all, line)
	}
	if used != len(changed) {
		tb.Fatalf("%s has %d of these variables: %v", file, used, changed)
	}
	return all
}
