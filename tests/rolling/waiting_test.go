package rolling

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// get returns the status and the body of an answer; zero if none came.
func get(address string) (int, string) {
	answer, err := http.Get("http://" + address)
	if err != nil {
		return 0, ""
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(answer.Body)
	return answer.StatusCode, string(text)
}

// relay passes connections to an address on to a server, until the test ends.
func relay(t *testing.T, address, to string) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				target, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer target.Close()
				go func() { _, _ = io.Copy(target, from) }()
				_, _ = io.Copy(from, target)
			}()
		}
	}()
}

// A server whose store is unavailable when it starts is alive, not ready, and waits.
func TestStartWaitsForTheStore(t *testing.T) {
	store, err := url.Parse(shared.Postgres(t).NewDatabase(t))
	if err != nil {
		t.Fatal(err)
	}
	database := store.Host
	if store.Host, err = server.FreeAddress(); err != nil {
		t.Fatal(err)
	}
	n := newNode(t)
	r := shared.Launch(t, "--listen="+n.public, "--ops-listen="+n.operations, "--store="+store.String())
	r.Await(t, "the server to wait", func() bool {
		status, text := get(n.operations + "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "the store is unavailable")
	})
	if status, _ := get(n.operations + "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz is %d", status)
	}
	if status, text := get(n.public + "/.well-known/jwks.json"); status != http.StatusServiceUnavailable ||
		!strings.Contains(text, "the server is starting") {
		t.Errorf("the API answers %d %s", status, text)
	}
	relay(t, store.Host, database)
	r.Await(t, "the server to be ready", func() bool {
		status, _ := get(n.operations + "/readyz")
		return status == http.StatusOK
	})
}

// A server whose database has lost its synchronous standby waits too: the row that it writes at the
// start must be as durable as a revocation.
func TestStartWaitsForTheStandby(t *testing.T) {
	t.Parallel()
	database := server.StartPostgres(t)
	store := database.NewDatabase(t)
	configure := func(statement string) {
		t.Helper()
		for _, one := range []string{statement, "SELECT pg_reload_conf()"} {
			if err := database.Exec(one); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, says := range []string{
		"it waits for its synchronous standby",              // while it makes the schema
		"the store is unavailable; the server waits for it", // a later start
	} {
		configure("ALTER SYSTEM SET synchronous_standby_names = '*'")
		r := shared.Launch(t, "--store="+store)
		r.Await(t, "the server to wait", func() bool { return r.Log.Contains(says) })
		configure("ALTER SYSTEM RESET synchronous_standby_names")
		r.Await(t, "the server to listen", func() bool { return r.Log.Contains("msg=listening") })
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	}
}

// Waiting does not help if the URL, the password or the database is wrong: the server exits.
func TestStartFailsAtOnce(t *testing.T) {
	good := shared.Postgres(t).NewDatabase(t)
	u, err := url.Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	missing, user := *u, *u
	missing.Path = "/no_such_database"
	user.User = url.UserPassword("no_such_user", "secret")
	for name, store := range map[string]string{
		"URL": "postgres://%zz", "database": missing.String(), "user": user.String(),
		"folder": "sqlite:/no/such/folder/refresh.db",
	} {
		t.Run(name, func(t *testing.T) {
			r := shared.Launch(t, "--store="+store)
			select {
			case <-r.Done:
				if r.State.Success() {
					t.Error("the server ended with status 0")
				}
			case <-time.After(server.Patience):
				t.Errorf("the server still runs: %s", r.Log.Tail())
			}
		})
	}
}

// A server that waits for its store stops at a signal.
func TestStopWhileWaiting(t *testing.T) {
	address, err := server.FreeAddress()
	if err != nil {
		t.Fatal(err)
	}
	r := shared.Launch(t, "--store=postgres://me@"+address+"/x")
	r.Await(t, "the server to wait", func() bool { return r.Log.Contains("the server waits for it") })
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
}

// After SIGTERM a server is not ready and still answers, with Connection: close. After SIGINT it
// stops at once, although its drain is an hour.
func TestDrain(t *testing.T) {
	n := newNode(t)
	r := shared.Start(t, "--listen="+n.public, "--ops-listen="+n.operations, "--drain=1h")
	r.Send(syscall.SIGTERM)
	r.Await(t, "the server to be not ready", func() bool {
		status, text := get(n.operations + "/readyz")
		return status == http.StatusServiceUnavailable && strings.Contains(text, "stopping")
	})
	answer, err := http.Get("http://" + n.public + "/.well-known/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !answer.Close {
		t.Errorf("while draining: %d, close %t", answer.StatusCode, answer.Close)
	}
	r.Kill()
	r = shared.Start(t, "--listen="+n.public, "--ops-listen="+n.operations, "--drain=1h")
	r.Send(syscall.SIGINT)
	select {
	case <-r.Done:
	case <-time.After(server.Patience):
		t.Error("SIGINT waits for the drain")
	}
}

// A server that stops renews its lease until its last request has ended: without a lease, another
// server's revocation would not wait for that request.
func TestLeaseIsKeptForTheLastRequest(t *testing.T) {
	t.Parallel()
	entered, proceed := make(chan struct{}), make(chan struct{})
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-proceed
		w.WriteHeader(http.StatusInternalServerError)
	}))
	t.Cleanup(users.Close)
	end := sync.OnceFunc(func() { close(proceed) })
	t.Cleanup(end)
	r := shared.Start(t, "--identity-url="+users.URL, "--identity-timeout=10s", "--rotation",
		"--store=sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	r.Await(t, "the server to be ready", func() bool {
		status, _ := get(strings.TrimPrefix(r.Operations, "http://") + "/readyz")
		return status == http.StatusOK
	})
	body := strings.NewReader(`{"refresh_token":"` + newToken(t, "ana") + `"}`)
	answered := make(chan int, 1)
	go func() {
		answer, err := http.Post(r.URL+"/api/v1/refresh", "application/json", body)
		if err != nil {
			answered <- 0
			return
		}
		answer.Body.Close()
		answered <- answer.StatusCode
	}()
	<-entered
	r.Send(syscall.SIGINT)
	r.Await(t, "the server to stop", func() bool { return r.Log.Contains("msg=stopping") })
	before, renewals := 0.0, 0
	r.Await(t, "the server to renew its lease", func() bool {
		_, page := get(strings.TrimPrefix(r.Operations, "http://") + "/metrics")
		if !strings.Contains(page, "\nrefreshd_lease_held 1\n") {
			t.Fatal("the server that stops has no lease")
		}
		_, rest, _ := strings.Cut(page, "\nrefreshd_lease_age_seconds ")
		digits, _, _ := strings.Cut(rest, "\n")
		age, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			t.Fatal(err)
		}
		if age < before {
			renewals++
		}
		before = age
		return renewals == 2
	})
	end()
	if status := <-answered; status != http.StatusServiceUnavailable {
		t.Errorf("the last request was answered %d", status)
	}
}
