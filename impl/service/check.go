package service

import (
	"fmt"
	"net"
	"strconv"
	"time"
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
	}
	return s.CheckLifetimes()
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

// CheckLifetimes returns the first mistake in the durations.
func (s *Settings) CheckLifetimes() error {
	if time.Duration(s.MaxLifetime) < time.Second {
		return s.invalid(&s.MaxLifetime, "must be at least one second")
	}
	if s.TokenLifetime > s.MaxLifetime {
		return s.invalid(&s.TokenLifetime, "must not be more than "+s.Name(&s.MaxLifetime))
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
