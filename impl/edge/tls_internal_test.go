package edge

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/lines"
	"kalsel.dev/refresh/impl/problem"
)

// writeCertificate writes a self-signed certificate for 127.0.0.1 and its key.
func writeCertificate(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "EC PRIVATE KEY", Bytes: encoded},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// serveTLS serves handler over TLS until the test ends.
func serveTLS(t *testing.T, handler http.HandlerFunc, log io.Writer) (*Certificate, string) {
	t.Helper()
	folder := t.TempDir()
	certFile, keyFile := filepath.Join(folder, "cert.pem"), filepath.Join(folder, "key.pem")
	writeCertificate(t, certFile, keyFile, 1)
	logger := slog.New(slog.NewTextHandler(log, nil))
	c, err := LoadCertificate(certFile, keyFile, logger)
	if err != nil {
		t.Fatal(err)
	}
	h, err := New(handler, Config{
		Log:         logger,
		Registry:    prometheus.NewRegistry(),
		Limits:      DefaultLimits(),
		MaxInFlight: 64,
	})
	if err != nil {
		t.Fatal(err)
	}
	listener := open(t, DefaultLimits())
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		port := Port{Listener: listener, Handler: h, TLS: c.Config()}
		served <- Serve(ctx, logger, DefaultLimits(), port)
	}()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return c, listener.Addr().String()
}

// Over HTTP/2 a 421 reaches Go's client as it is, and each of the requests that share a connection
// has a caller of its own.
func TestHTTP2(t *testing.T) {
	_, address := serveTLS(t, func(w http.ResponseWriter, r *http.Request) {
		if id := caller.Of(r.Context()).RequestID; id != r.Header.Get("X-Request-Id") {
			t.Errorf("the handler of %s saw the request %s", r.Header.Get("X-Request-Id"), id)
		}
		problem.Write(w, problem.New(http.StatusMisdirectedRequest, "token has expired"))
	}, io.Discard)
	client := &http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		ForceAttemptHTTP2: true,
	}}
	defer client.CloseIdleConnections()
	done := make(chan error)
	const requests = 50
	for i := range requests {
		go func() {
			r, err := http.NewRequest(http.MethodPost, "https://"+address, strings.NewReader("{}"))
			if err != nil {
				done <- err
				return
			}
			r.Header.Set("X-Request-Id", strings.Repeat("a", i+1))
			answer, err := client.Do(r)
			if err == nil {
				body, _ := io.ReadAll(answer.Body)
				answer.Body.Close()
				if answer.ProtoMajor != 2 || answer.StatusCode != http.StatusMisdirectedRequest ||
					!bytes.Contains(body, []byte(`"status":421`)) {
					t.Errorf("HTTP/%d: %d %s", answer.ProtoMajor, answer.StatusCode, body)
				}
			}
			done <- err
		}()
	}
	for range requests {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestTLSVersions(t *testing.T) {
	var log lockedBuffer
	_, address := serveTLS(t, func(http.ResponseWriter, *http.Request) {}, &log)
	for version, accepted := range map[uint16]bool{
		tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true,
	} {
		conn, err := tls.Dial("tcp", address, &tls.Config{
			InsecureSkipVerify: true, MinVersion: version, MaxVersion: version,
		})
		if err == nil {
			conn.Close()
		}
		if (err == nil) != accepted {
			t.Errorf("TLS version %x: %v", version, err)
		}
	}
}

// The lines about failed handshakes are bounded.
func TestLinesOfNetHTTPAreBounded(t *testing.T) {
	var log lockedBuffer
	_, address := serveTLS(t, func(http.ResponseWriter, *http.Request) {}, &log)
	began := time.Now()
	for range 200 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
		_, _ = io.ReadAll(conn) // until the server has given up, and logged it
		conn.Close()
	}
	seconds := int(time.Now().Unix()-began.Unix()) + 1
	if n := strings.Count(log.String(), "TLS handshake error"); n < 1 || n > seconds*lines.PerSecond {
		t.Errorf("%d lines within %d seconds", n, seconds)
	}
}

// A new certificate is served without a restart; one that cannot be used is not.
func TestCertificateIsReloaded(t *testing.T) {
	var log lockedBuffer
	c, address := serveTLS(t, func(http.ResponseWriter, *http.Request) {}, &log)
	serial := func() int64 {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.Int64()
	}
	c.Reload()
	if got := serial(); got != 1 {
		t.Errorf("serial %d before any change", got)
	}
	writeCertificate(t, c.certFile, filepath.Join(t.TempDir(), "other"), 2)
	c.Reload()
	if got := serial(); got != 1 || !strings.Contains(log.String(), "the known one stays in use") {
		t.Errorf("serial %d though the key does not fit; logged %s", got, log.String())
	}
	writeCertificate(t, c.certFile, c.keyFile, 3)
	c.Reload()
	if got := serial(); got != 3 {
		t.Errorf("serial %d after the change", got)
	}
}
