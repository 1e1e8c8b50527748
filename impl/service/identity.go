package service

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/identity"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// The values of the setting IdentityOnFailure.
const (
	onFailureUnavailable = "unavailable"
	onFailureKeep        = "keep"
)

// maxIdentityTimeout is longer than any client should have to wait.
const maxIdentityTimeout = Duration(10 * time.Second)

// checkIdentity returns the first mistake in the settings of the user service.
func (s *Settings) checkIdentity() error {
	if s.IdentityUrl == "" {
		return s.checkNoIdentity()
	}
	u, err := url.Parse(s.IdentityUrl)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return s.invalid(&s.IdentityUrl, "must be a URL without user and fragment, such as "+
			"https://users.example.com/claims")
	case !keys.IsSecure(u):
		return s.invalid(&s.IdentityUrl, "must begin with https:// (http:// on loopback only)")
	case time.Duration(s.IdentityTimeout) < time.Millisecond || s.IdentityTimeout > maxIdentityTimeout:
		return s.invalid(&s.IdentityTimeout, "must be from 1ms to "+maxIdentityTimeout.String())
	case s.IdentityInFlight < 1 || s.IdentityInFlight > 1e5:
		return s.invalid(&s.IdentityInFlight, "must be from 1 to 100000")
	case s.IdentityOnFailure != onFailureUnavailable && s.IdentityOnFailure != onFailureKeep:
		return s.invalid(&s.IdentityOnFailure,
			"must be "+onFailureUnavailable+" or "+onFailureKeep)
	case s.IdentityGoneLimit < 1 || s.IdentityGoneLimit > 1e6:
		return s.invalid(&s.IdentityGoneLimit, "must be from 1 to 1000000")
	}
	return nil
}

// checkNoIdentity fails if a setting of the user service is set although there is none.
func (s *Settings) checkNoIdentity() error {
	needed := "needs " + s.Name(&s.IdentityUrl)
	switch {
	case s.IdentityCredentialFile != "":
		return s.invalid(&s.IdentityCredentialFile, needed)
	case s.IdentityTimeout != 0 && s.differs(&s.IdentityTimeout):
		return s.invalid(&s.IdentityTimeout, needed)
	case s.IdentityInFlight != 0 && s.differs(&s.IdentityInFlight):
		return s.invalid(&s.IdentityInFlight, needed)
	case s.IdentityOnFailure != "" && s.differs(&s.IdentityOnFailure):
		return s.invalid(&s.IdentityOnFailure, needed)
	case s.IdentityGoneLimit != 0 && s.differs(&s.IdentityGoneLimit):
		return s.invalid(&s.IdentityGoneLimit, needed)
	}
	return nil
}

// IdentityCredential returns the credential for the user service, or nil if none is configured. It
// fails if the file cannot be read or does not hold one.
func (s *Settings) IdentityCredential(
	now func() time.Time, log *slog.Logger,
) (*identity.Credential, error) {
	if s.IdentityCredentialFile == "" {
		return nil, nil
	}
	c, err := identity.OpenCredential(s.IdentityCredentialFile, now, log)
	if err != nil {
		return nil, s.invalid(&s.IdentityCredentialFile, err.Error())
	}
	return c, nil
}

// users returns the user service, or nil if none is configured. It fails if the credential cannot
// be read, or if a metric cannot be registered.
func (c Config) users(r prometheus.Registerer) (session.UserService, error) {
	s := c.Settings
	if s.IdentityUrl == "" {
		return nil, nil
	}
	credential, err := s.IdentityCredential(c.Now, c.Log)
	if err != nil {
		return nil, err
	}
	client, err := identity.New(identity.Config{
		URL:              s.IdentityUrl,
		Credential:       credential,
		Timeout:          time.Duration(s.IdentityTimeout),
		InFlight:         s.IdentityInFlight,
		GoneLimit:        s.IdentityGoneLimit,
		GoneLimitSetting: s.Name(&s.IdentityGoneLimit),
		Keep:             s.IdentityOnFailure == onFailureKeep,
		Now:              c.Now,
		Log:              c.Log,
		Registry:         r,
	})
	if err != nil {
		return nil, fmt.Errorf("register metrics: %w", err)
	}
	return client, nil
}

// AskUser asks the user service for the claims of the token's user, as a refresh does, and fails if
// a refresh would not use the answer. It changes nothing and ignores a setting to keep the claims.
// Without a user service it does nothing.
func (c Config) AskUser(ctx context.Context, t *token.Token) error {
	users, err := c.users(prometheus.NewRegistry())
	if users == nil || err != nil {
		return err
	}
	return session.AskUser(ctx, users, c.Settings.Rules().Profile, t)
}
