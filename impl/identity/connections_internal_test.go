package identity

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
)

// TestClosedConnection: if the user service closes a connection between two calls, the question is
// sent again over a new connection.
func TestClosedConnection(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{} // addresses of connections that had a request
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		again := seen[r.RemoteAddr]
		seen[r.RemoteAddr] = true
		mu.Unlock()
		if again {
			panic(http.ErrAbortHandler) // net/http closes the connection
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"claims":{}}`)
	}))
	defer users.Close()
	s := newSender(Config{URL: users.URL, Timeout: 30 * time.Second, InFlight: 1})
	for range 3 {
		if _, err := s.send(t.Context(), asked()); err != nil {
			t.Fatal(err)
		}
	}
}

// TestConnectionsAfterTimeout: after a call has timed out, no call uses an older connection.
func TestConnectionsAfterTimeout(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan string, 2), make(chan struct{})
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || strings.Contains(string(body), "slow") {
			<-r.Context().Done()
			return
		}
		arrived <- r.RemoteAddr
		<-release
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"claims":{}}`)
	}))
	defer users.Close()
	s := newSender(Config{URL: users.URL, Timeout: 30 * time.Second, InFlight: 2})
	var both sync.WaitGroup
	for range 2 {
		both.Go(func() {
			if _, err := s.send(t.Context(), asked()); err != nil {
				t.Error(err)
			}
		})
	}
	older := map[string]bool{<-arrived: true, <-arrived: true}
	close(release)
	both.Wait()

	s.timeout = 100 * time.Millisecond
	_, err := s.send(t.Context(), session.UserQuestion{Identity: "slow", Claims: "{}"})
	if f, ok := errors.AsType[*failure](err); !ok || f.reason != timeout {
		t.Fatalf("got %v", err)
	}
	s.timeout = 30 * time.Second
	if _, err := s.send(t.Context(), asked()); err != nil {
		t.Fatal(err)
	}
	if older[<-arrived] {
		t.Error("an older connection is used")
	}
}

// TestOneConnectionForEachCall: calls use HTTP/1.1 although the user service offers HTTP/2, and ask
// for no compression.
func TestOneConnectionForEachCall(t *testing.T) {
	t.Parallel()
	users := httptest.NewUnstartedServer(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			if r.Proto != "HTTP/1.1" || r.Header["Accept-Encoding"] != nil {
				t.Errorf("%s, %v", r.Proto, r.Header)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"claims":{}}`)
		}))
	users.EnableHTTP2 = true
	users.StartTLS()
	defer users.Close()
	trusted := x509.NewCertPool()
	trusted.AddCert(users.Certificate())
	s := newSender(Config{URL: users.URL, Timeout: 30 * time.Second, InFlight: 1})
	s.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		RootCAs:    trusted,
		MinVersion: tls.VersionTLS13,
	}
	if _, err := s.send(t.Context(), asked()); err != nil {
		t.Fatal(err)
	}
}
