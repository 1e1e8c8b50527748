package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// Certificate is a certificate chain and its key, in two PEM files that may change at any time.
type Certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	current           atomic.Pointer[loaded]
	failure           string // of the last attempt, so that it is logged once
}

// loaded is the content of the files and the certificate made of it.
type loaded struct {
	cert, key []byte
	pair      tls.Certificate
}

// LoadCertificate reads both files. It fails if they are not a certificate and its key.
func LoadCertificate(certFile, keyFile string, log *slog.Logger) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, log: log}
	return c, c.load()
}

// Config returns a configuration for TLS 1.2 and later, with HTTP/2, that serves the certificate of
// the moment.
func (c *Certificate) Config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return &c.current.Load().pair, nil
		},
	}
}

// Run reads the files every 10 seconds until ctx ends.
func (c *Certificate) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Second):
			c.Reload()
		}
	}
}

// Reload reads the files. If they cannot be used, it logs an error and keeps the known certificate:
// the two files may have been replaced one after the other.
func (c *Certificate) Reload() {
	err := c.load()
	switch {
	case err == nil:
		c.failure = ""
	case err.Error() != c.failure:
		c.failure = err.Error()
		c.log.Error("the TLS certificate could not be reloaded; the known one stays in use",
			"error", err)
	}
}

func (c *Certificate) load() error {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return err
	}
	known := c.current.Load()
	if known != nil && bytes.Equal(known.cert, cert) && bytes.Equal(known.key, key) {
		return nil
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("%s and %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&loaded{cert: cert, key: key, pair: pair})
	c.log.Info("a TLS certificate is in use",
		"subject", pair.Leaf.Subject.String(), "expires", pair.Leaf.NotAfter)
	return nil
}
