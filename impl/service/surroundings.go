package service

import (
	"fmt"
	"net/netip"

	"kalsel.dev/refresh/impl/edge"
)

// checkSurroundings returns the first mistake in the settings of impl/edge.
func (s *Settings) checkSurroundings() error {
	_, err := s.proxies()
	return err
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
