package service

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/session"
)

// OpenKeys returns the configured keys. It fails if the settings name no key, or keys that cannot
// be used.
func (s *Settings) OpenKeys(now func() time.Time, log *slog.Logger) (*keys.Source, error) {
	if err := s.checkAccessSecret(); err != nil {
		return nil, err
	}
	if s.Keys == "" {
		set, err := s.secretKeys(log)
		if err != nil {
			return nil, err
		}
		return s.keySource(keys.Config{Set: set}, now, log)
	}
	if err := s.checkKeys(); err != nil {
		return nil, err
	}
	return s.keySource(keys.Config{File: s.Keys}, now, log)
}

// OpenKeysOnce returns the configured keys for a command: the issuer's keys are fetched once. If
// that fails, a warning is logged and the other keys are returned.
func (s *Settings) OpenKeysOnce(
	ctx context.Context, now func() time.Time, log *slog.Logger,
) (*keys.Source, error) {
	source, err := s.OpenKeys(now, log)
	if err != nil {
		return nil, err
	}
	_ = source.Once(ctx) // logged by the source; the token may need no key of the issuer
	return source, nil
}

// OpenServerKeys returns the keys of a server: the configured ones, else development keys.
func (s *Settings) OpenServerKeys(now func() time.Time, log *slog.Logger) (*keys.Source, error) {
	if s.HasKey() {
		return s.OpenKeys(now, log)
	}
	return s.developmentKeys(now, log)
}

// developmentKeys returns a random secret that exists only in this process. It fails if other
// machines can reach the server.
func (s *Settings) developmentKeys(now func() time.Time, log *slog.Logger) (*keys.Source, error) {
	if host, _, err := net.SplitHostPort(s.Listen); err != nil || !keys.IsLoopback(host) {
		const why = " (a development key is made only when the server listens on loopback)"
		return nil, s.NoKey() + why
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: it ends the process instead
	set, err := jwk.SecretSet(secret, false)
	if err != nil {
		return nil, err
	}
	return s.keySource(keys.Config{Set: set}, now, log)
}

// keySource completes c, which names our own keys, and opens it.
func (s *Settings) keySource(
	c keys.Config, now func() time.Time, log *slog.Logger,
) (*keys.Source, error) {
	if s.IssuerJwks != "" && s.Issuer == "" {
		return nil, s.invalid(&s.IssuerJwks,
			"needs "+s.Name(&s.Issuer)+": these keys verify only tokens with that iss")
	}
	if err := keys.CheckIssuer(s.IssuerJwks); err != nil {
		return nil, s.invalid(&s.IssuerJwks, err.Error())
	}
	c.Issuer, c.IssuerAlgorithm = s.IssuerJwks, s.IssuerAlg
	c.AllowWeak, c.Now, c.Log = s.AllowWeakSecret, now, log
	if s.Rotation {
		c.Check = func(set *jwk.Set) error { return session.CheckKeys(set, now()) }
	}
	source, err := keys.New(c)
	if err != nil {
		return nil, s.invalid(&s.Keys, err.Error())
	}
	return source, nil
}
