//go:build linux

package chaos

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestIsolationOfRole: a role whose transactions are stricter by default revokes as well as any
// other.
func TestIsolationOfRole(t *testing.T) {
	t.Parallel()
	postgres := shared.Postgres(t)
	for _, level := range []string{"repeatable read", "serializable"} {
		t.Run(level, func(t *testing.T) {
			t.Parallel()
			url := postgres.NewDatabase(t)
			database := url[strings.LastIndex(url, "/")+1 : strings.LastIndex(url, "?")]
			role := database + "_owner"
			for _, statement := range []string{
				"CREATE ROLE " + role + " LOGIN",
				"ALTER ROLE " + role + " SET default_transaction_isolation = '" + level + "'",
				"ALTER DATABASE " + database + " OWNER TO " + role,
			} {
				if err := postgres.Exec(statement); err != nil {
					t.Fatal(err)
				}
			}
			s := start(t, strings.Replace(url, "postgres@", role+"@", 1))
			for range server.Rounds(5, 100) {
				var revokes sync.WaitGroup
				for range 16 {
					revokes.Go(
						func() {
							wantsStatus(t, "revoke", s.revoke(newToken()), http.StatusNoContent)
						},
					)
				}
				revokes.Wait()
				if t.Failed() {
					return
				}
			}
		})
	}
}
