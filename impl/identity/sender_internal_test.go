package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/session"
)

// asked is a question.
func asked() session.UserQuestion { return session.UserQuestion{Identity: "ana", Claims: "{}"} }

// TestUnanswered: the error tells an operator why there was no answer, and has nothing of the path.
func TestUnanswered(t *testing.T) {
	t.Parallel()
	start := func(begin func(*httptest.Server), settings *tls.Config) *httptest.Server {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
			panic(http.ErrAbortHandler) // net/http closes the connection
		}))
		s.TLS = settings
		s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
		begin(s)
		t.Cleanup(s.Close)
		return s
	}
	plain := start((*httptest.Server).Start, nil)
	secure := start((*httptest.Server).StartTLS, nil)
	demanding := start((*httptest.Server).StartTLS, &tls.Config{
		ClientAuth: tls.RequireAnyClientCert,
		MinVersion: tls.VersionTLS13,
	})
	closed := start((*httptest.Server).Start, nil)
	closed.Close()
	for name, c := range map[string]struct{ url, want string }{
		"refused":   {closed.URL, "it cannot be reached: connection refused"},
		"hangs up":  {plain.URL, "it closed the connection without an answer"},
		"no TLS":    {strings.Replace(plain.URL, "http:", "https:", 1), "it does not speak TLS"},
		"untrusted": {secure.URL, "its certificate is rejected: x509: certificate signed by unknown authority"},
		"demands a certificate": {
			demanding.URL, "it ended the TLS handshake: tls: certificate required",
		},
		"no such name": {"https://users..invalid", "its host name cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSender(Config{URL: c.url + "/sesame", Timeout: 30 * time.Second, InFlight: 1})
			if c.url == demanding.URL {
				trusted := x509.NewCertPool()
				trusted.AddCert(demanding.Certificate())
				s.client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
					RootCAs:    trusted,
					MinVersion: tls.VersionTLS13,
				}
			}
			_, err := s.send(t.Context(), asked())
			if f, ok := errors.AsType[*failure](err); !ok || f.text != c.want {
				t.Errorf("got %v, want %s", err, c.want)
			}
		})
	}
}

// TestEndlessAnswer: no more than 64 KiB of an answer are read.
func TestEndlessAnswer(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, strings.Repeat(" ", 1<<20))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	s := newSender(Config{URL: server.URL, Timeout: 10 * time.Second, InFlight: 1})
	_, err := s.send(t.Context(), asked())
	if f, ok := errors.AsType[*failure](err); !ok || f.text != "its answer is larger than 64 KiB" {
		t.Errorf("got %v", err)
	}
}

// TestSilentTLS: if the TLS handshake gets no answer, the connection is closed, although the client
// has hung up before. Otherwise such connections pile up.
func TestSilentTLS(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := newSender(Config{
		URL:      "https://" + listener.Addr().String(),
		Timeout:  time.Second,
		InFlight: 1,
	})
	ctx, hangUp := context.WithCancel(t.Context())
	var call sync.WaitGroup
	call.Go(func() { _, _ = s.send(ctx, asked()) })
	connection, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	hangUp()
	call.Wait()
	if err := connection.SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, connection); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection is still open")
	}
}
