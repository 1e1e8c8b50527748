package service

import (
	"bytes"
	"fmt"
	"log/slog"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// Profile returns the configured form of the login's tokens. It fails if one of its settings is
// invalid, or if two of them contradict each other.
func (s *Settings) Profile() (*token.Profile, error) {
	p, wrong, err := token.ConfigureProfile(s.Login, s.IdentityClaim, s.RefreshClaim)
	if err != nil {
		settings := map[string]*string{
			"Login":         &s.Login,
			"IdentityClaim": &s.IdentityClaim,
			"RefreshClaim":  &s.RefreshClaim,
		}
		return nil, s.invalid(settings[wrong], err.Error())
	}
	if s.RequireType && p.Refresh == "" {
		return nil, s.invalid(&s.RequireType, fmt.Sprintf("cannot be used with the profile %s: "+
			"use %s to say which claim its refresh tokens have", p.Name, s.Name(&s.RefreshClaim)))
	}
	return p, nil
}

// checkAccessSecret fails if a setting contradicts a secret of its own for access tokens.
func (s *Settings) checkAccessSecret() error {
	switch {
	case s.AccessSecretFile == "":
	case s.Keys != "":
		return s.invalid(&s.AccessSecretFile, "cannot be used together with "+s.Name(&s.Keys))
	case s.IssuerJwks != "":
		return s.invalid(&s.AccessSecretFile, "cannot be used together with "+s.Name(&s.IssuerJwks))
	case s.Secret == "" && s.SecretFile == "":
		return s.invalid(&s.AccessSecretFile, "needs "+s.Name(&s.SecretFile)+
			", the secret of the refresh tokens")
	}
	return nil
}

// accessKeys returns the keys of access tokens. It fails if their file cannot be read, or has the
// secret of the refresh tokens.
func (s *Settings) accessKeys(log *slog.Logger, refresh []byte) (*jwk.Set, error) {
	secret, err := s.AccessSecret(log)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(secret, refresh) {
		return nil, s.invalid(&s.AccessSecretFile, "has the same secret as "+
			s.Name(&s.SecretFile)+": leave this setting out, or give access tokens another secret")
	}
	return s.secretSet(&s.AccessSecretFile, secret)
}

// AccessSecret returns the secret of access tokens, without one line ending at its end. It is nil
// if the settings name none. It fails if the file cannot be read.
func (s *Settings) AccessSecret(log *slog.Logger) ([]byte, error) {
	if s.AccessSecretFile == "" {
		return nil, nil
	}
	secret, err := ReadSecret(log, s.Name(&s.AccessSecretFile), s.AccessSecretFile)
	if err != nil {
		return nil, s.invalid(&s.AccessSecretFile, err.Error())
	}
	return secret, nil
}

// warnOfLogin logs a warning if nothing tells the login's own access tokens from refresh tokens.
func (s *Settings) warnOfLogin(log *slog.Logger) {
	p, err := s.Profile()
	if err != nil || p.Refresh != "" || p.MarkName != "" || s.AccessSecretFile != "" {
		return
	}
	log.Warn("nothing tells the login's own access tokens from refresh tokens: the holder of "+
		"an access token can redeem it. Name a claim that only refresh tokens have, or give access "+
		"tokens a secret of their own",
		"settings", s.Name(&s.RefreshClaim)+", "+s.Name(&s.AccessSecretFile))
}
