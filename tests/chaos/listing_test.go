//go:build linux

package chaos

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestListing: revocations in a row, while administrators page through them. Each walk shows all
// that was there when it began, once, newest first.
func TestListing(t *testing.T) {
	engines(t, func(t *testing.T, store string, _ int) {
		t.Parallel()
		s := start(t, store)
		total := int64(server.Rounds(2000, 100_000))
		var made, acknowledged atomic.Int64
		var writers sync.WaitGroup
		for range 4 {
			writers.Go(func() {
				for made.Add(1) <= total && !t.Failed() {
					if a := s.end(); a.status != http.StatusOK {
						t.Errorf("revocation: %d %s", a.status, a.body)
					}
					acknowledged.Add(1)
				}
			})
		}
		walks := 0
		for acknowledged.Load() < total && !t.Failed() {
			s.walk(t, acknowledged.Load())
			walks++
		}
		writers.Wait()
		if n := s.walk(t, total); n != total {
			t.Errorf("%d revocations are listed, %d were made", n, total)
		}
		if n := s.metric(t, "refreshd_revocations"); n != float64(total) {
			t.Errorf("refreshd_revocations is %v, want %d", n, total)
		}
		t.Logf("%d walks", walks)
	})
}

// end revokes a session that no token belongs to.
func (s *node) end() answer {
	var id [32]byte
	rand.Read(id[:])
	return ask(http.MethodPost, s.URL+"/api/v1/admin/revocations", adminHeader(), map[string]any{
		"session": hex.EncodeToString(id[:]), "reason": "listing",
	})
}

type page struct {
	Revocations []struct {
		Sequence int64 `json:"sequence"`
	} `json:"revocations"`
	Next *int64 `json:"next"`
}

// walk pages through all and returns how many there were. Nothing is ended twice here, so sequences
// have no gaps.
func (s *node) walk(t *testing.T, atLeast int64) int64 {
	t.Helper()
	query, count, last := "?limit=1000", int64(0), int64(0)
	for {
		a := ask(http.MethodGet, s.URL+"/api/v1/admin/revocations"+query, adminHeader(), nil)
		var p page
		if err := json.Unmarshal(a.body, &p); a.status != http.StatusOK || err != nil {
			t.Fatalf("page %s: %d %s", query, a.status, a.body)
		}
		for _, r := range p.Revocations {
			switch {
			case count == 0 && r.Sequence < atLeast:
				t.Fatalf("the newest is %d, %d were acknowledged before", r.Sequence, atLeast)
			case count > 0 && r.Sequence != last-1:
				t.Fatalf("sequence %d after %d", r.Sequence, last)
			}
			last = r.Sequence
			count++
		}
		if p.Next == nil {
			if count > 0 && last != 1 {
				t.Fatalf("the last page ends with %d", last)
			}
			return count
		}
		query = "?limit=1000&before=" + strconv.FormatInt(*p.Next, 10)
	}
}
