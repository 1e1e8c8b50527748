//go:build linux

package rotation

import (
	"sync"
	"testing"
	"time"
)

// TestTogether: many refreshes of one token at once, through several processes, all get the same
// successor; and so again with that one.
func TestTogether(t *testing.T) {
	eachStore(t, func(t *testing.T, store string) {
		var urls []string
		for range 3 {
			urls = append(
				urls,
				launch(t, "--store="+store, "--rotation-window=2s", "--clock-skew=0s").URL,
			)
		}
		token := login("ann", time.Now())
		for generation := range int64(3) {
			answers := make([]answer, 64)
			var group sync.WaitGroup
			for i := range answers {
				group.Go(func() { answers[i] = redeem(urls[i%len(urls)], token) })
			}
			group.Wait()
			for i, a := range answers {
				if a.status != 200 || a.refresh != answers[0].refresh {
					t.Fatalf(
						"generation %d, answer %d: %+v, want that of the first, %+v",
						generation,
						i,
						a,
						answers[0],
					)
				}
				if c := claimsOf(t, a.access); c.Session == "" || c.Generation != 0 {
					t.Errorf("the access token has sid %q and gen %d", c.Session, c.Generation)
				}
			}
			token = answers[0].refresh
			if c := claimsOf(t, token); c.Generation != generation+1 {
				t.Errorf("generation %d, want %d", c.Generation, generation+1)
			}
			time.Sleep(2100 * time.Millisecond) // the window
		}
	})
}
