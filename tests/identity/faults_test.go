package identity

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestBreaker: after 20 failures in a row the user service is left alone, and is asked again later.
func TestBreaker(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	token := login(t, "ana", nil)
	d.order(t, "ana", "500", map[string]any{"times": 20})
	for range 20 {
		d.refresh(t, token).wants(t, http.StatusServiceUnavailable)
	}
	refused := d.refresh(t, token)
	if asked := len(d.questions(t, "ana")); asked == 20 {
		refused.wants(t, http.StatusServiceUnavailable)
		if refused.RetryAfter != "2" {
			t.Errorf("Retry-After is %s, want 2", refused.RetryAfter)
		}
		d.series(t, `refreshd_identity_failures_total{reason="breaker_open"} 1`)
	} // else this machine took two seconds for a refresh
	d.logs(t, "The user service fails; it is asked again in two seconds")
	d.Await(t, "the user service to be asked again", func() bool {
		return d.refresh(t, token).Status == http.StatusOK
	})
	d.logs(t, "The user service answers again")
}

// TestInFlight: further calls than --identity-in-flight are answered at once.
func TestInFlight(t *testing.T) {
	t.Parallel()
	d := deploy(t, "--identity-in-flight=1")
	d.next(t, "slow", "hang", 0)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go d.abandoned(ctx, login(t, "slow", nil))
	d.Await(t, "the slow question", func() bool { return len(d.questions(t, "slow")) == 1 })
	d.refresh(t, login(t, "ana", nil)).wants(t, http.StatusServiceUnavailable)
	d.series(t, `refreshd_identity_failures_total{reason="busy"} 1`)
	if asked := len(d.questions(t, "ana")); asked != 0 {
		t.Errorf("%d questions about the other user", asked)
	}
}

// abandoned sends a refresh until ctx ends, and ignores the answer.
func (d deployment) abandoned(ctx context.Context, token string) {
	body := strings.NewReader(`{"refresh_token":"` + token + `"}`)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.URL+"/api/v1/refresh", body)
	if err != nil {
		return
	}
	r.Header.Set("Content-Type", "application/json")
	if answer, err := http.DefaultClient.Do(r); err == nil {
		answer.Body.Close()
	}
}

// TestFaultsOfARotation: at each step of a rotation something fails. The same refresh token works a
// moment later, for the same successor.
func TestFaultsOfARotation(t *testing.T) {
	t.Parallel()
	file := "--store=sqlite:" + filepath.Join(t.TempDir(), "refresh.db")
	args := append(modes()["rotation"], file)
	d := deploy(t, args...)
	token := login(t, "ana", nil)
	slow := func(ctx context.Context) {
		asked := len(d.questions(t, "ana"))
		d.next(t, "ana", "hang", 0)
		go d.abandoned(ctx, token)
		d.Await(t, "the question", func() bool { return len(d.questions(t, "ana")) > asked })
	}
	for range 3 { // three generations
		d.next(t, "ana", "500", 0)
		d.refresh(t, token).wants(t, http.StatusServiceUnavailable)

		ctx, cancel := context.WithCancel(t.Context())
		slow(ctx)
		cancel() // the client hangs up while the user service is asked

		slow(t.Context())
		d.Kill() // so does the server
		d.Refreshd = start(t, d.users.URL, append([]string{"--log-format=json"}, args...)...)

		first := d.refresh(t, token)
		first.wants(t, http.StatusOK)
		second := d.refresh(t, token) // as if the first answer had been lost
		second.wants(t, http.StatusOK)
		if first.Refresh != second.Refresh || first.Refresh == token {
			t.Fatal("the successor differs, or is the token itself")
		}
		token = first.Refresh
	}
	if generation := claims(t, token)["gen"]; generation != 3.0 {
		t.Errorf("generation %v, want 3: a failed refresh consumed a token", generation)
	}
}

// TestStoreFails: the store is lost while the user service is asked. Nothing is given out, and the
// same refresh token works when the store is back.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	postgres := shared.Postgres(t)
	proxy := server.StartProxy(t, postgres.Address())
	database := strings.Replace(postgres.NewDatabase(t), postgres.Address(), proxy.Address(), 1)
	args := append(modes()["rotation"], "--store="+database)
	d := deploy(t, args...)
	token := login(t, "ana", nil)
	d.order(t, "ana", "delay", map[string]any{"delay_ms": 300})
	asked := make(chan answer, 1)
	go func() { asked <- d.refresh(t, token) }()
	d.Await(t, "the question", func() bool { return len(d.questions(t, "ana")) == 1 })
	proxy.Set(server.Refuses)
	(<-asked).wants(t, http.StatusServiceUnavailable)
	proxy.Set(server.Passes)
	var first answer
	d.Await(t, "the store", func() bool {
		first = d.refresh(t, token)
		return first.Status == http.StatusOK
	})
	if generation := claims(t, first.Refresh)["gen"]; generation != 1.0 {
		t.Errorf("generation %v, want 1", generation)
	}
}

// TestRevokedMeanwhile: a session that is revoked while the user service is asked gets no token.
func TestRevokedMeanwhile(t *testing.T) {
	t.Parallel()
	for mode, args := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, args...)
			token := login(t, "ana", nil)
			d.order(t, "ana", "delay", map[string]any{"delay_ms": 500})
			got := make(chan answer, 1)
			go func() { got <- d.refresh(t, token) }()
			d.Await(t, "the question", func() bool { return len(d.questions(t, "ana")) == 1 })
			status, _, text := send(t, http.MethodPost, d.URL+"/api/v1/revoke", "application/json",
				`{"refresh_token":"`+token+`"}`)
			if status != http.StatusNoContent {
				t.Fatalf("revoke answers %d: %s", status, text)
			}
			(<-got).wants(t, http.StatusUnprocessableEntity)
		})
	}
}

// TestNothingAfterGone: many clients refresh one session when its user is deleted. After the first
// of them was told so, no refresh that begins is accepted.
func TestNothingAfterGone(t *testing.T) {
	t.Parallel()
	for mode, args := range modes() {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			database := "--store=" + shared.Postgres(t).NewDatabase(t)
			d := deploy(t, append(args, database)...)
			other := deployment{start(t, d.users.URL, append(args, database)...), d.users}
			token := login(t, "ana", nil)
			var gone atomic.Bool
			var accepted atomic.Int64
			var clients sync.WaitGroup
			for i := range 8 {
				node := []deployment{d, other}[i%2]
				clients.Go(func() {
					for range server.Rounds(1000, 10000) {
						before := gone.Load()
						a := node.refresh(t, token)
						switch {
						case a.Status == http.StatusOK && before:
							t.Errorf("a token was given out after the session had ended: %s", mode)
							return
						case a.Status == http.StatusOK:
							if accepted.Add(1) == 40 {
								d.set(t, "ana", `{"status":404}`)
							}
						case a.Status == http.StatusUnprocessableEntity && before:
							d.set(t, "ana", `{"status":200}`) // too late
							node.refresh(t, token).wants(t, http.StatusUnprocessableEntity)
							return
						case a.Status == http.StatusUnprocessableEntity:
							gone.Store(true)
						}
					}
				})
			}
			clients.Wait()
			if !gone.Load() {
				t.Errorf("the session has not ended: %d refreshes accepted", accepted.Load())
			}
		})
	}
}
