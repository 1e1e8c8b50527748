package api_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// slow is a store whose feed comes one entry at a time, each after a step.
type slow struct {
	*store.Store
	step chan struct{}
}

func (s slow) Load(
	ctx context.Context, after int64, _ int, apply func(revocation.Change),
) (revocation.Page, error) {
	select {
	case <-ctx.Done():
		return revocation.Page{}, ctx.Err()
	case <-s.step:
	}
	return s.Store.Load(ctx, after, 1, apply)
}

// TestGauges: /metrics tells how many revocations are in force, how many entries of the feed are
// still to be read, and the age of the lease.
func TestGauges(t *testing.T) {
	db, err := store.Open(t.Context(), "sqlite::memory:")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	keys, err := jwk.SecretSet([]byte(secret), false)
	if err != nil {
		t.Fatal(err)
	}
	feed := slow{db, make(chan struct{})}
	sessions := session.New(session.Config{
		Keys:  keys,
		Store: feed,
		Now:   time.Now,
		Log:   slog.New(slog.DiscardHandler),
	})
	// Another process revokes: a server knows its own revocations without reading the feed.
	other := session.NewRevoker(session.RevokerConfig{
		Store: db,
		Clock: revocation.SystemClock(),
		Log:   slog.New(slog.DiscardHandler),
	})
	for _, who := range []string{"a", "b", "c"} {
		if _, err := other.RevokeIdentity(t.Context(), who, session.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	registry := prometheus.NewRegistry()
	if _, err := api.New(api.Config{Sessions: sessions, Registry: registry}); err != nil {
		t.Fatal(err)
	}
	ops := edge.Operations(edge.OperationsConfig{Registry: registry})
	value := func(name string) float64 {
		w := httptest.NewRecorder()
		ops.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		for line := range strings.Lines(w.Body.String()) {
			if text, ok := strings.CutPrefix(line, name+" "); ok {
				v, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
		}
		t.Fatalf("no metric %s", name)
		return 0
	}
	wait := func(name string, want float64) {
		t.Helper()
		deadline := time.Now().Add(time.Minute)
		for ; value(name) != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s is %v, want %v", name, value(name), want)
			}
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		sessions.Run(ctx)
	}()
	defer func() {
		cancel()
		<-done
	}()
	if held := value("refreshd_lease_held"); held != 0 {
		t.Errorf("a lease is held before the feed is read: %v", held)
	}
	before := value("refreshd_lease_age_seconds")
	time.Sleep(10 * time.Millisecond)
	if age := value("refreshd_lease_age_seconds"); age <= before {
		t.Errorf("without a lease its age does not grow: %v, then %v", before, age)
	}
	for read := range 3 {
		feed.step <- struct{}{}
		wait("refreshd_feed_lag", float64(2-read))
		wait("refreshd_revocations", float64(read+1))
	}
	close(feed.step)
	for sessions.Waiting() != "" {
		time.Sleep(time.Millisecond)
	}
	if held := value("refreshd_lease_held"); held != 1 {
		t.Errorf("no lease is held when the node is ready: %v", held)
	}
	age := value("refreshd_lease_age_seconds")
	if age <= 0 || age > revocation.LeaseTerm.Seconds() {
		t.Errorf("the lease's age is %v s", age)
	}
}
