//go:build linux

package chaos

import (
	"net/url"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// through returns a proxy and the database's URL through it.
func through(t *testing.T, database string) (*server.Proxy, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	p := server.StartProxy(t, u.Host)
	u.Host = p.Address()
	return p, u.String()
}
