package identity

import (
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
)

// TestKilledAfterGone: refreshd is killed after it has told a client that the user is gone. Then no
// token of the session is accepted, although the user service knows the user again.
func TestKilledAfterGone(t *testing.T) {
	t.Parallel()
	for mode, args := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			args = append(args, "--store=sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
			d := deploy(t, args...)
			tokens := []string{login(t, "ana", nil)}
			first := d.refresh(t, tokens[0])
			first.wants(t, http.StatusOK)
			if first.Refresh != "" {
				tokens = append(tokens, first.Refresh)
			}
			d.set(t, "ana", `{"status":410}`)
			d.refresh(t, tokens[len(tokens)-1]).wants(t, http.StatusUnprocessableEntity)
			d.Kill()
			d.set(t, "ana", `{"status":200}`)
			asked := len(d.questions(t, "ana"))
			d.Refreshd = start(t, d.users.URL, args...)
			for _, token := range tokens {
				d.refresh(t, token).wants(t, http.StatusUnprocessableEntity)
			}
			if n := len(d.questions(t, "ana")) - asked; n > 0 {
				t.Errorf("%d questions about a revoked session", n)
			}
		})
	}
}

// TestGoneLimitAtOnce: the limit holds for answers that arrive at the same time, and a session over
// the limit is not revoked.
func TestGoneLimitAtOnce(t *testing.T) {
	t.Parallel()
	const limit, users = 5, 40
	d := deploy(t, fmt.Sprint("--identity-gone-limit=", limit))
	var tokens []string
	for i := range users {
		identity := fmt.Sprint("user", i)
		tokens = append(tokens, login(t, identity, nil))
		d.set(t, identity, `{"status":404}`)
	}
	count := func() map[int]int {
		statuses := make([]int, users)
		var clients sync.WaitGroup
		for i, token := range tokens {
			clients.Go(func() { statuses[i] = d.refresh(t, token).Status })
		}
		clients.Wait()
		counts := map[int]int{}
		for _, status := range statuses {
			counts[status]++
		}
		return counts
	}
	if got := count(); got[422] != limit || got[503] != users-limit {
		t.Errorf("everybody is gone: %v, want %d times 422", got, limit)
	}
	for i := range users {
		d.set(t, fmt.Sprint("user", i), `{"status":200}`)
	}
	if got := count(); got[422] != limit || got[200] != users-limit {
		t.Errorf("everybody is back: %v, want %d times 422", got, limit)
	}
}
