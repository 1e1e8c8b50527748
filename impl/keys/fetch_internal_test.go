package keys

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestCachedFor(t *testing.T) {
	for _, c := range []struct {
		cacheControl, age string
		want              time.Duration
	}{
		{"", "", 0},
		{"no-store", "", 0},
		{"no-cache", "", 0},
		{"max-age=0", "", 0},
		{"public, max-age=8", "", 8 * time.Second},
		{"max-age=8, s-maxage=20", "", 20 * time.Second},
		{`MAX-AGE="8"`, "", 8 * time.Second},
		{"max-age=300", "250", 50 * time.Second},
		{"max-age=86400", "", 24 * time.Hour},
		{"max-age=8", "8", 5 * time.Minute},
		{"", "250", 5 * time.Minute},
		{"", "0", 5 * time.Minute},
		{"max-age=x", "y", 5 * time.Minute},
	} {
		h := http.Header{}
		h.Set("Cache-Control", c.cacheControl)
		if c.age != "" {
			h.Set("Age", c.age)
		}
		if got := cachedFor(h); got != c.want {
			t.Errorf(
				"Cache-Control %q, Age %q: got %s, want %s",
				c.cacheControl,
				c.age,
				got,
				c.want,
			)
		}
	}
}

// silent forwards each connection to a server, until it is told to forward nothing more on those
// that are open.
type silent struct {
	net.Listener
	server string
	epoch  atomic.Int64
	opened atomic.Int64
}

func (s *silent) run() {
	for {
		client, err := s.Accept()
		if err != nil {
			return
		}
		s.opened.Add(1)
		epoch := s.epoch.Load()
		go func() {
			defer client.Close()
			server, err := net.Dial("tcp", s.server)
			if err != nil {
				return
			}
			defer server.Close()
			go s.forward(epoch, client, server)
			s.forward(epoch, server, client)
		}()
	}
}

func (s *silent) forward(epoch int64, from io.Reader, to io.Writer) {
	room := make([]byte, 32<<10)
	for {
		n, err := from.Read(room)
		if err != nil {
			return
		}
		if s.epoch.Load() == epoch {
			if _, err := to.Write(room[:n]); err != nil {
				return
			}
		}
	}
}

// TestSilentConnection: a proxy that stops forwarding an HTTP/2 connection does not stop the
// fetches after it.
func TestSilentConnection(t *testing.T) {
	issuer := httptest.NewUnstartedServer(
		http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, r.Proto)
		}),
	)
	issuer.EnableHTTP2 = true
	issuer.StartTLS()
	defer issuer.Close()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	proxy := &silent{Listener: listener, server: issuer.Listener.Addr().String()}
	defer proxy.Close()
	go proxy.run()
	url := "https://" + proxy.Addr().String()
	client, err := newClient(url)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(issuer.Certificate())
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		RootCAs:    roots,
		MinVersion: tls.VersionTLS12,
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for range 3 {
		got, _, err := get(ctx, client, url)
		if err != nil || string(got) != "HTTP/2.0" {
			t.Fatalf("got %q, %v", got, err)
		}
		proxy.epoch.Add(1) // what is open goes silent
	}
	if n := proxy.opened.Load(); n != 3 {
		t.Errorf("%d connections for 3 fetches", n)
	}
}

// TestSilentHandshake: if the TLS handshake gets no answer, the connection is closed, although the
// fetch has timed out before. Otherwise such connections pile up.
func TestSilentHandshake(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	url := "https://" + listener.Addr().String()
	client, err := newClient(url)
	if err != nil {
		t.Fatal(err)
	}
	ctx, giveUp := context.WithCancel(t.Context())
	var fetch sync.WaitGroup
	fetch.Go(func() { _, _, _ = get(ctx, client, url) })
	connection, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	giveUp()
	fetch.Wait()
	if err := connection.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
}

// TestDocumentedIntervals: docs/keys.md promises them.
func TestDocumentedIntervals(t *testing.T) {
	want := intervals{
		poll:     time.Second,
		refresh:  300 * time.Second,
		retry:    15_000 * time.Millisecond,
		cooldown: time.Second,
		patience: 2_000 * time.Millisecond,
		fetch:    5_000 * time.Millisecond,
	}
	if got := defaultIntervals(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
