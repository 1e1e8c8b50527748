package edge

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the networks of proxies whose header fields are trusted.
type Proxies []netip.Prefix

func (p Proxies) trust(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// client returns the address of the client that sent r. It goes through X-Forwarded-For from the
// right, as long as the hop that added an entry is a trusted proxy: a client can write the entries
// on the left itself. If that header is absent, Forwarded (RFC 7239) is read in the same way. If an
// entry is no address, the result is the last hop that is known.
func (p Proxies) client(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{} // only tests have such a peer
	}
	at := peer.Addr().Unmap().WithZone("")
	if len(p) == 0 || !p.trust(at) {
		return at
	}
	lines, entry := r.Header["X-Forwarded-For"], parseHop
	if len(lines) == 0 {
		lines, entry = r.Header["Forwarded"], parseForwarded
	}
	for _, line := range slices.Backward(lines) {
		for rest := line; rest != ""; {
			last := rest
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, last = rest[:comma], rest[comma+1:]
			} else {
				rest = ""
			}
			hop, ok := entry(strings.TrimSpace(last))
			if !ok {
				return at
			}
			if at = hop; !p.trust(at) {
				return at
			}
		}
	}
	return at
}

// parseHop reads an address, with or without a port. IPv6 may stand in brackets.
func parseHop(text string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	if err != nil {
		withPort, err := netip.ParseAddrPort(text)
		if err != nil {
			return netip.Addr{}, false
		}
		a = withPort.Addr()
	}
	return a.Unmap().WithZone(""), true
}

// parseForwarded reads the address in the parameter "for" of one element of Forwarded.
func parseForwarded(element string) (netip.Addr, bool) {
	for pair := range strings.SplitSeq(element, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if strings.EqualFold(name, "for") {
			return parseHop(strings.Trim(value, `"`))
		}
	}
	return netip.Addr{}, false
}
