package edge

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// crowd lets so many clients send requests, each over its own connection, to a server whose
// requests only need a processor. It returns how many were answered 200 and 503, when enough says
// so.
func crowd(t *testing.T, clients, maxInFlight int, enough func(ok, shed int64) bool) (_, _ int64) {
	t.Helper()
	logger, l := slog.New(slog.DiscardHandler), DefaultLimits()
	busy := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		end := time.Now().Add(200 * time.Microsecond)
		for now := time.Now(); now.Before(end); {
			now = time.Now()
		}
	})
	h, err := New(busy, Config{
		Log:         logger,
		Registry:    prometheus.NewRegistry(),
		Limits:      l,
		MaxInFlight: maxInFlight,
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := open(t, l)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, logger, l, Port{Listener: listener, Handler: h}) }()
	transport := &http.Transport{MaxIdleConnsPerHost: clients}
	var ok, shed atomic.Int64
	var group sync.WaitGroup
	deadline := time.Now().Add(patience)
	for range clients {
		group.Go(func() {
			for !enough(ok.Load(), shed.Load()) && time.Now().Before(deadline) {
				r, err := http.NewRequest(http.MethodGet, "http://"+listener.Addr().String(), nil)
				if err != nil {
					t.Error(err)
					return
				}
				answer, err := transport.RoundTrip(r)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
				switch answer.StatusCode {
				case http.StatusOK:
					ok.Add(1)
				case http.StatusServiceUnavailable:
					shed.Add(1)
				}
			}
		})
	}
	group.Wait()
	transport.CloseIdleConnections()
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
	return ok.Load(), shed.Load()
}

// Requests that wait for a processor count as in flight. Without them, no request would be shed
// here: each takes much less time than the scheduler gives a goroutine at once.
func TestRequestsThatWaitForAProcessorAreShed(t *testing.T) {
	ok, shed := crowd(t, 200, 50, func(_, shed int64) bool { return shed > 20 })
	if ok == 0 || shed <= 20 {
		t.Errorf("%d requests were answered 200 and %d 503", ok, shed)
	}
}

// A client that comes back at once receives its next 503 later, and an answer at once if there is a
// place.
func TestEarlyRequestsAreShedLater(t *testing.T) {
	t.Parallel()
	entered, proceed := make(chan struct{}), make(chan struct{})
	waits := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/waits" {
			entered <- struct{}{}
			<-proceed
		}
	})
	address := serveWith(t, waits, Config{MaxInFlight: 1})
	first, second := say(t, address, "GET /waits HTTP/1.1\r\nHost: x\r\n\r\n"), say(t, address, "")
	<-entered
	answers := bufio.NewReader(second)
	ask := func() (status int, took time.Duration) {
		t.Helper()
		began := time.Now()
		if _, err := io.WriteString(second, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		return answer.StatusCode, time.Since(began)
	}
	if status, _ := ask(); status != http.StatusServiceUnavailable {
		t.Errorf("without a place: %d", status)
	}
	if status, took := ask(); status != http.StatusServiceUnavailable || took < time.Second/2 {
		t.Errorf("the next one: %d after %v", status, took)
	}
	close(proceed)
	if _, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil {
		t.Fatal(err)
	}
	if status, _ := ask(); status != http.StatusOK {
		t.Errorf("with a place: %d", status)
	}
}
