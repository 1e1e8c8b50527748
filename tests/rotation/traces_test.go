//go:build linux

package rotation

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

const window = 30 * time.Second

// trace is one session, the test's own view of it, and the tokens of its clients. The view is a
// second version of the decision table, written for this test.
type trace struct {
	*bench
	tokens  []string // by generation; [0] is the login's
	held    int      // generation that the honest client has
	thief   []int    // generations that the thief has
	there   bool
	gen     int
	rotated time.Time
	acked   bool
	revoked bool
	backup  *trace
	minted  []time.Time // by generation
	forgets bool        // the store was restored: a generation may have a second token
}

func newTrace(b *bench) *trace {
	return &trace{bench: b, tokens: []string{login("ann", b.now)}, minted: []time.Time{{}}}
}

// expect returns the right answer to a generation and updates the view.
func (x *trace) expect(gen int) (status, out int, cause string) {
	switch {
	case x.revoked:
		return 422, 0, "token is revoked"
	case x.gen < gen: // restored
		x.there, x.gen, x.rotated, x.acked = true, gen, x.minted[gen], true
	}
	inside := x.now.Sub(x.rotated) < window && x.gen > 0
	switch d := x.gen - gen; {
	case d == 0 && !inside:
		x.there, x.gen, x.rotated, x.acked = true, gen+1, x.now, false
		return 200, gen + 1, ""
	case d == 0:
		x.acked = true
		return 200, gen, ""
	case d == 1 && (inside || !x.acked):
		return 200, x.gen, ""
	}
	x.revoked = true
	return 422, 0, "token was reused: the session is revoked"
}

// present sends a token to the server and checks the answer against the view. It returns the
// generation of the answer's token, or -1.
func (x *trace) present(t *rapid.T, gen int) int {
	a := redeem(x.url, x.tokens[gen])
	status, out, cause := x.expect(gen)
	if a.status != status || a.cause() != cause {
		t.Fatalf("generation %d: %d %q, want %d %q", gen, a.status, a.cause(), status, cause)
	}
	if status != 200 {
		return -1
	}
	x.keep(t, out, a.refresh)
	return out
}

func (x *trace) keep(t *rapid.T, out int, refresh string) {
	if out == len(x.tokens) {
		x.tokens, x.minted = append(x.tokens, refresh), append(x.minted, x.rotated)
	}
	if x.tokens[out] != refresh {
		if !x.forgets {
			t.Fatalf("generation %d has two different tokens", out)
		}
		x.tokens[out], x.minted[out] = refresh, x.rotated
	}
}

func (x *trace) tabStores(t *rapid.T) {
	if out := x.present(t, x.held); out >= 0 {
		x.held = out
	}
}

func (x *trace) answerIsLost(t *rapid.T) { x.present(t, x.held) }

func (x *trace) thiefCopies(*rapid.T) { x.thief = append(x.thief, x.held) }

func (x *trace) thiefPresents(t *rapid.T) {
	if len(x.thief) == 0 {
		t.Skip()
	}
	if out := x.present(t, rapid.SampledFrom(x.thief).Draw(t, "generation")); out >= 0 {
		x.thief = append(x.thief, out)
	}
}

// windowPasses: all times of a row are in whole milliseconds. The steps are short, so that no trace
// lasts as long as the token of the login.
func (x *trace) windowPasses(t *rapid.T) {
	x.now = x.now.Add(rapid.SampledFrom([]time.Duration{window - time.Second, window,
		2 * time.Minute}).Draw(t, "by")).
		Truncate(time.Second)
}

func (x *trace) ownerLogsOut(t *rapid.T) {
	body := strings.NewReader(`{"refresh_token":"` + x.tokens[x.held] + `"}`)
	resp, err := client.Post(x.url+"/api/v1/revoke", "application/json", body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 204 {
		t.Fatalf("logout: %d", resp.StatusCode)
	}
	x.revoked = true
}

func (x *trace) backUp(t *rapid.T) {
	if x.backup != nil {
		t.Skip()
	}
	x.exec(t, "CREATE TABLE saved AS SELECT * FROM refresh_sessions")
	saved := *x
	x.backup = &saved
}

func (x *trace) restore(t *rapid.T) {
	if x.backup == nil || x.forgets {
		t.Skip()
	}
	x.exec(t, "DELETE FROM refresh_sessions")
	x.exec(t, "INSERT INTO refresh_sessions SELECT * FROM saved")
	x.there, x.gen, x.rotated, x.acked, x.forgets = x.backup.there, x.backup.gen, x.backup.rotated, x.backup.acked, true
}

func (x *trace) exec(t *rapid.T, statement string) {
	if _, err := x.db.ExecContext(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestTraces: clients, thieves, owners and restores act in any order, over HTTP and on both engines.
// Every answer is the one of the decision table.
func TestTraces(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			url := "sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
			if engine == "postgres" {
				url = shared.Postgres(t).NewDatabase(t)
			}
			b := newBench(t, url)
			answers := map[string]int{}
			rapid.Check(t, func(t *rapid.T) {
				x := newTrace(b)
				x.exec(t, "DROP TABLE IF EXISTS saved")
				t.Repeat(map[string]func(*rapid.T){
					"a tab stores the answer": x.tabStores,
					"an answer is lost":       x.answerIsLost,
					"a thief copies":          x.thiefCopies,
					"a thief presents":        x.thiefPresents,
					"time passes":             x.windowPasses,
					"time passes on":          x.windowPasses,
					"the owner logs out": func(t *rapid.T) {
						if rapid.IntRange(0, 9).Draw(t, "one in ten") > 0 {
							t.Skip()
						}
						x.ownerLogsOut(t)
					},
					"a backup is made":       x.backUp,
					"the backup is restored": x.restore,
				})
				answers[fmt.Sprint("revoked ", x.revoked)]++
			})
			if !strings.Contains(b.audit.String(), `"event":"reuse"`) ||
				!strings.Contains(b.audit.String(), `"event":"late_replay"`) ||
				!strings.Contains(b.log.String(), "alarm=token_ahead_of_store") {
				t.Errorf("not every kind of answer was come by: %v", answers)
			}
			if strings.Contains(b.log.String(), "eyJ") {
				t.Error("a token is in the log")
			}
		})
	}
}
