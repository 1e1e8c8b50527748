package service

import (
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/edge"
)

// checkSurroundings returns the first mistake in the settings of impl/edge.
func (s *Settings) checkSurroundings() error {
	if _, err := s.proxies(); err != nil {
		return err
	}
	for _, origin := range s.CORSOrigin {
		if err := s.checkOrigin(origin); err != nil {
			return err
		}
	}
	switch {
	case s.RateLimit < 0 || math.IsNaN(s.RateLimit) || s.RateLimit > 1e6:
		return s.invalid(&s.RateLimit, "must be from 0 to 1000000")
	case s.RateLimit == 0 && s.differs(&s.RateBurst):
		return s.invalid(&s.RateBurst, "needs "+s.Name(&s.RateLimit))
	case s.RateBurst < 1 || s.RateBurst > 1e6:
		return s.invalid(&s.RateBurst, "must be from 1 to 1000000")
	case s.MaxInFlight < 0:
		return s.invalid(&s.MaxInFlight, "must not be negative")
	case s.MaxConnections < 0:
		return s.invalid(&s.MaxConnections, "must not be negative")
	case s.TLSCert != "" && s.TLSKey == "":
		return s.invalid(&s.TLSCert, "needs "+s.Name(&s.TLSKey))
	case s.TLSKey != "" && s.TLSCert == "":
		return s.invalid(&s.TLSKey, "needs "+s.Name(&s.TLSCert))
	}
	for _, timeout := range []*Duration{
		&s.ReadTimeout, &s.WriteTimeout, &s.ConnectionIdleTimeout,
	} {
		if time.Duration(*timeout) < time.Second {
			return s.invalid(timeout, "must be at least one second")
		}
	}
	return nil
}

// checkOrigin fails unless a text is an origin as browsers write it, or *.
func (s *Settings) checkOrigin(text string) error {
	if text == "*" {
		if len(s.CORSOrigin) > 1 {
			return s.invalid(&s.CORSOrigin, "* must not stand beside other origins")
		}
		return nil
	}
	u, err := url.Parse(text)
	web := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
	if !web || u.Scheme+"://"+u.Host != text {
		return s.invalid(&s.CORSOrigin,
			fmt.Sprintf("%q is not an origin, such as https://app.example.com", text))
	}
	return nil
}

// proxies returns the networks of the trusted proxies.
func (s *Settings) proxies() (edge.Proxies, error) {
	var all edge.Proxies
	for _, text := range s.TrustedProxies {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			if single, notAddr := netip.ParseAddr(text); notAddr == nil {
				network, err = single.Prefix(single.BitLen())
			}
		}
		if err != nil {
			return nil, s.invalid(&s.TrustedProxies,
				fmt.Sprintf("%q is not a network, such as 10.0.0.0/8", text))
		}
		all = append(all, network.Masked())
	}
	return all, nil
}

// Limits returns the limits of the public listener.
func (s *Settings) Limits() edge.Limits {
	l := edge.DefaultLimits()
	for limit, set := range map[*time.Duration]Duration{
		&l.Read:  s.ReadTimeout,
		&l.Write: s.WriteTimeout,
		&l.Idle:  s.ConnectionIdleTimeout,
	} {
		if set != 0 { // only tests set none
			*limit = time.Duration(set)
		}
	}
	l.Drain = time.Duration(s.Drain)
	l.Connections = s.MaxConnections
	if l.Connections == 0 {
		l.Connections = edge.ConnectionsOfFiles()
	}
	return l
}

// Certificate returns the TLS certificate of the public port, or nil if it has none. It fails if the
// files are not a certificate and its key.
func (s *Settings) Certificate(log *slog.Logger) (*edge.Certificate, error) {
	if s.TLSCert == "" {
		return nil, nil
	}
	certificate, err := edge.LoadCertificate(s.TLSCert, s.TLSKey, log)
	if err != nil {
		return nil, s.invalid(&s.TLSCert, err.Error())
	}
	return certificate, nil
}

// surround returns a handler behind impl/edge as the settings configure it. Stopping may be nil.
func (c Config) surround(
	h http.Handler, r prometheus.Registerer, stopping func() bool,
) (http.Handler, error) {
	s := c.Settings
	proxies, err := s.proxies()
	if err != nil {
		return nil, err
	}
	return edge.New(h, edge.Config{
		Log:         c.Log,
		Registry:    r,
		Limits:      s.Limits(),
		Proxies:     proxies,
		RateLimit:   edge.RateLimit{PerSecond: s.RateLimit, Burst: s.RateBurst},
		MaxInFlight: s.MaxInFlight,
		Origins:     c.origins(),
		Stopping:    stopping,
	})
}
