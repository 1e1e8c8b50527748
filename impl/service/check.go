package service

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

// Check returns the first mistake in the settings that can be found without opening anything: a
// value that is not acceptable, or two settings that contradict each other.
func (s *Settings) Check() error {
	if err := s.checkAddress(&s.Listen); err != nil {
		return err
	}
	if s.OpsListen != "" {
		if err := s.checkAddress(&s.OpsListen); err != nil {
			return err
		}
		if s.OpsListen == s.Listen && !strings.HasSuffix(s.Listen, ":0") {
			return s.invalid(&s.OpsListen, "must not be the address of "+s.Name(&s.Listen))
		}
	}
	if err := s.checkKeys(); err != nil {
		return err
	}
	if err := s.checkSurroundings(); err != nil {
		return err
	}
	if err := s.checkAccessSecret(); err != nil {
		return err
	}
	if _, err := s.Profile(); err != nil {
		return err
	}
	if s.IssuerAlg != "" && s.IssuerJwks == "" {
		return s.invalid(&s.IssuerAlg, "needs "+s.Name(&s.IssuerJwks))
	}
	if s.IssuerAlg != "" && (!jwk.Supported(s.IssuerAlg) || strings.HasPrefix(s.IssuerAlg, "HS")) {
		return s.invalid(&s.IssuerAlg, "must be an algorithm of public keys, such as RS256")
	}
	if err := s.checkIdentity(); err != nil {
		return err
	}
	if err := s.checkOAuth(); err != nil {
		return err
	}
	if err := s.checkBrowser(); err != nil {
		return err
	}
	return s.CheckLifetimes()
}

// checkKeys fails if the settings name a key file and a secret.
func (s *Settings) checkKeys() error {
	if s.Keys == "" || s.Secret == "" && s.SecretFile == "" {
		return nil
	}
	return SettingError(fmt.Sprintf("%s cannot be used together with %s or %s",
		s.Name(&s.Keys), s.Name(&s.Secret), s.Name(&s.SecretFile)))
}

// checkAddress reports whether a server can listen on an address.
func (s *Settings) checkAddress(address *string) error {
	_, port, err := net.SplitHostPort(*address)
	if err != nil {
		return s.invalid(address,
			fmt.Sprintf("%q is not HOST:PORT, such as 127.0.0.1:8080", *address))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return s.invalid(address, fmt.Sprintf("%q is not a port number from 0 to 65535", port))
	}
	return nil
}

const (
	// maxRotationWindow bounds for how long the reuse of an old refresh token goes unnoticed.
	maxRotationWindow = Duration(time.Hour)
	// maxClockSkew is as much as a login service's clock may differ.
	maxClockSkew = Duration(time.Minute)
	// minAccessLifetime and maxAccessLifetime are the limits of limit at /api/v1/refresh.
	minAccessLifetime = Duration(10 * time.Minute)
	maxAccessLifetime = Duration(7 * 24 * time.Hour)
)

// isAccessLifetime reports whether access tokens may live so long.
func isAccessLifetime(d Duration) bool { return d >= minAccessLifetime && d <= maxAccessLifetime }

// CheckLifetimes returns the first mistake in the durations.
func (s *Settings) CheckLifetimes() error {
	if s.ClockSkew > maxClockSkew {
		return s.invalid(&s.ClockSkew, "must not be more than "+maxClockSkew.String())
	}
	if time.Duration(s.MaxLifetime) < time.Second {
		return s.invalid(&s.MaxLifetime, "must be at least one second")
	}
	if s.IdleLifetime > s.SessionLifetime && s.SessionLifetime != 0 {
		return s.invalid(&s.IdleLifetime, "must not be more than "+s.Name(&s.SessionLifetime))
	}
	if s.TokenLifetime > s.MaxLifetime {
		return s.invalid(&s.TokenLifetime, "must not be more than "+s.Name(&s.MaxLifetime))
	}
	switch {
	case !s.Rotation && s.RotationWindow != 0 && s.differs(&s.RotationWindow):
		return s.invalid(&s.RotationWindow, "needs "+s.Name(&s.Rotation))
	case s.RotationWindow > maxRotationWindow:
		return s.invalid(&s.RotationWindow, "must not be more than "+maxRotationWindow.String())
	}
	for _, life := range []*Duration{&s.IdleLifetime, &s.SessionLifetime} {
		switch {
		case *life == 0:
		case !s.Rotation:
			return s.invalid(life, "needs "+s.Name(&s.Rotation)+
				": without rotation the server does not store sessions")
		case time.Duration(*life) < time.Second || *life <= s.RotationWindow:
			return s.invalid(life,
				"must be at least one second, and more than "+s.Name(&s.RotationWindow))
		case *life > s.MaxLifetime:
			return s.invalid(life, "must not be more than "+s.Name(&s.MaxLifetime))
		}
	}
	return nil
}
