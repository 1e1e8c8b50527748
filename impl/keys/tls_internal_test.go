package keys

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// The issuer's server must prove its name with a certificate: the client comes with the machine's
// roots and no other.
func TestIssuerOverTLS(t *testing.T) {
	const set = `{"keys":[]}`
	server := httptest.NewTLSServer(
		http.HandlerFunc(
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(set)) },
		),
	)
	defer server.Close()
	client, err := newClient(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := get(t.Context(), client, server.URL); err == nil ||
		!strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate that nobody vouches for: %v", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client.Transport.(*http.Transport).TLSClientConfig = &tls.Config{
		RootCAs:    roots,
		MinVersion: tls.VersionTLS12,
	}
	got, _, err := get(t.Context(), client, server.URL)
	if err != nil || string(got) != set {
		t.Errorf("with its root: %q, %v", got, err)
	}
}
