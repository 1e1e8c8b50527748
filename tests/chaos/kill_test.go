//go:build linux

package chaos

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/tests/server"
)

// TestKilledWhileRevoking: the server dies at any moment of its work, and knows afterwards all that
// it has acknowledged.
func TestKilledWhileRevoking(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, url string, _ int) {
		t.Parallel()
		acknowledged := 0
		for range server.Rounds(20, 300) {
			ended := revokeUntilKilled(t, url)
			acknowledged += len(ended)
			clearLeases(t, url)
			s := start(t, url)
			for _, token := range ended {
				if a := s.refresh(token); a.status != http.StatusUnprocessableEntity {
					t.Fatalf("a session whose end was acknowledged answers %d %s", a.status, a.body)
				}
			}
			if a := s.refresh(newToken()); a.status != http.StatusOK {
				t.Fatalf("a new session answers %d %s", a.status, a.body)
			}
			s.Kill()
			clearLeases(t, url)
		}
		t.Logf("%d revocations were acknowledged", acknowledged)
	})
}

// revokeUntilKilled returns the tokens whose revocation was acknowledged.
func revokeUntilKilled(t *testing.T, url string) []string {
	t.Helper()
	s := start(t, url)
	var mu sync.Mutex
	var ended []string
	var clients sync.WaitGroup
	first := make(chan struct{})
	begun := sync.OnceFunc(func() { close(first) })
	for range 4 {
		clients.Go(func() {
			for {
				token := newToken()
				if s.revoke(token).status != http.StatusNoContent {
					select {
					case <-s.Done:
						return
					default: // its store is slow
						continue
					}
				}
				mu.Lock()
				ended = append(ended, token)
				mu.Unlock()
				begun()
			}
		})
	}
	<-first
	time.Sleep(rand.N(100 * time.Millisecond))
	s.Kill()
	clients.Wait()
	return ended
}

// clearLeases deletes the leases of dead servers, so that the next revoke need not wait for them. No
// other server uses the store.
func clearLeases(t *testing.T, url string) {
	t.Helper()
	db, err := store.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	leases, err := db.PeekLeases(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range leases {
		if err := db.Leave(t.Context(), l.Node); err != nil {
			t.Fatal(err)
		}
	}
}
