package server

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Member is one PostgreSQL server of a cluster and its Patroni. Clients, the other members and etcd
// are connected to it through proxies.
type Member struct {
	*Process // Patroni; PostgreSQL is not its child
	Name     string

	folder  string
	own     string // address of PostgreSQL itself
	rest    string // address of Patroni's API itself
	env     []string
	account *syscall.Credential
	proxies []*Proxy // of PostgreSQL, of Patroni's API, and to etcd
}

func (p *Patroni) newMember(tb testing.TB, name string) *Member {
	tb.Helper()
	m := &Member{
		Name:    name,
		folder:  filepath.Join(p.territory.folder, name),
		own:     mustFreeAddress(tb),
		rest:    mustFreeAddress(tb),
		account: p.account,
	}
	p.makeFolder(tb, m.folder)
	bin, err := postgresBinaries()
	if err != nil {
		tb.Fatal(err)
	}
	for _, target := range []string{m.own, m.rest, p.etcdAt} {
		m.proxies = append(m.proxies, StartProxy(tb, target))
	}
	m.env = environment(tb, "patroni.env", map[string]string{
		"PATRONI_NAME":                       name,
		"PATRONI_ETCD_HOSTS":                 m.proxies[2].Address(),
		"PATRONI_RESTAPI_LISTEN":             m.rest,
		"PATRONI_RESTAPI_CONNECT_ADDRESS":    m.proxies[1].Address(),
		"PATRONI_POSTGRESQL_LISTEN":          m.own,
		"PATRONI_POSTGRESQL_CONNECT_ADDRESS": m.proxies[0].Address(),
		"PATRONI_POSTGRESQL_BIN_DIR":         bin,
		"PATRONI_POSTGRESQL_DATA_DIR":        filepath.Join(m.folder, "data"),
		"PATRONI_POSTGRESQL_PGPASS":          filepath.Join(m.folder, "pgpass"),
		"PATRONI_SUPERUSER_PASSWORD":         Password,
		"PATRONI_REPLICATION_PASSWORD":       Password,
	})
	// Otherwise Patroni asks etcd for its addresses and goes past the proxy.
	m.env = append(m.env, "PATRONI_ETCD_USE_PROXIES=true")
	m.writeConfig(tb)
	return m
}

// writeConfig copies deploy/patroni/patroni.yml. Only the folder of the socket differs.
func (m *Member) writeConfig(tb testing.TB) {
	tb.Helper()
	text, err := os.ReadFile(deployed(tb, "patroni.yml"))
	if err != nil {
		tb.Fatal(err)
	}
	const sockets = "unix_socket_directories: /var/run/postgresql"
	if !bytes.Contains(text, []byte(sockets)) {
		tb.Fatal("patroni.yml does not name the folder of the sockets")
	}
	own := strings.Replace(string(text), sockets, "unix_socket_directories: "+m.folder, 1)
	if err := os.WriteFile(m.config(), []byte(own), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func (m *Member) config() string { return filepath.Join(m.folder, "patroni.yml") }

// Address returns the address at which clients find PostgreSQL.
func (m *Member) Address() string { return m.proxies[0].Address() }

// Own returns the URL of a database on this member, past the proxy.
func (m *Member) Own(database string) string {
	return "postgres://postgres:" + Password + "@" + m.own + "/" + database + "?sslmode=disable"
}

// Start starts Patroni, which starts PostgreSQL.
func (m *Member) Start() error {
	program, err := exec.LookPath("patroni")
	if err != nil {
		return fmt.Errorf("patroni is missing: run apt-get install patroni: %w", err)
	}
	cmd := exec.Command(program, m.config())
	cmd.Dir, cmd.Env = m.folder, m.env
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: m.account}
	m.Process, err = Launch(cmd, syscall.SIGKILL)
	return err
}

// Kill kills Patroni and PostgreSQL, as a machine does that loses its power.
func (m *Member) Kill(tb testing.TB) {
	tb.Helper()
	if err := killIn(m.folder); err != nil {
		tb.Error(err)
	}
	<-m.Done
}

// Freeze stops all processes of Patroni and PostgreSQL without ending them.
func (m *Member) Freeze() { signalIn(m.folder, syscall.SIGSTOP) }

// Thaw lets a frozen member continue.
func (m *Member) Thaw() { signalIn(m.folder, syscall.SIGCONT) }

// Isolate cuts the member off from clients, from the other members and from etcd: packets are lost.
func (m *Member) Isolate() { m.set(Hangs) }

// Reconnect ends Isolate.
func (m *Member) Reconnect() { m.set(Passes) }

func (m *Member) set(how Behaviour) {
	for _, p := range m.proxies {
		p.Set(how)
	}
}

// Switchover asks this member, which is the leader, to hand over to the synchronous standby.
func (m *Member) Switchover() error {
	body, err := json.Marshal(map[string]string{"leader": m.Name})
	if err != nil {
		return err
	}
	client := http.Client{Timeout: Patience}
	resp, err := client.Post("http://"+m.rest+"/switchover", "application/json",
		bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("switchover: %s: %s", resp.Status, text)
	}
	return nil
}

// memberState is a member as Patroni sees it.
type memberState struct{ Name, Role, State string }

// cluster asks Patroni for the state of all members.
func (m *Member) cluster() ([]memberState, error) {
	client := http.Client{Timeout: time.Second}
	resp, err := client.Get("http://" + m.rest + "/cluster")
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer struct{ Members []memberState }
	err = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.Members, err
}
