package edge_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/edge"
)

// A request that comes while the server starts waits for a while, and is then told to try again.
func TestLate(t *testing.T) {
	t.Parallel()
	answer := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, text)
		})
	}
	ask := func(l *edge.Late) string {
		w := httptest.NewRecorder()
		l.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Body.String()
	}
	l := edge.NewLate(answer("starting"), 0)
	if got := ask(l); got != "starting" {
		t.Errorf("without patience: %s", got)
	}
	l.Set(answer("started"))
	if got := ask(l); got != "started" {
		t.Errorf("after the start: %s", got)
	}
	l = edge.NewLate(answer("starting"), time.Hour)
	got := make(chan string)
	go func() { got <- ask(l) }()
	select {
	case text := <-got:
		t.Errorf("before the start: %s", text)
	case <-time.After(10 * time.Millisecond):
	}
	l.Set(answer("started"))
	if text := <-got; text != "started" {
		t.Errorf("during the start: %s", text)
	}
}
