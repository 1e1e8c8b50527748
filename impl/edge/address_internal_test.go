package edge

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestClientAddress(t *testing.T) {
	trusted := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, c := range map[string]struct {
		peer, header, want string
		proxies            Proxies
	}{
		"no proxy is trusted": {"10.0.0.1:9", "X-Forwarded-For: 1.2.3.4", "10.0.0.1", nil},
		"the peer is no proxy": {
			"9.9.9.9:9", "X-Forwarded-For: 1.2.3.4", "9.9.9.9", trusted,
		},
		"a proxy without a header": {"10.0.0.1:9", "", "10.0.0.1", trusted},
		"one hop":                  {"10.0.0.1:9", "X-Forwarded-For: 1.2.3.4", "1.2.3.4", trusted},
		"the client forged the left entry": {
			"10.0.0.1:9", "X-Forwarded-For: 8.8.8.8, 1.2.3.4", "1.2.3.4", trusted,
		},
		"two proxies": {
			"10.0.0.1:9", "X-Forwarded-For: 8.8.8.8, 1.2.3.4,10.2.2.2", "1.2.3.4", trusted,
		},
		"two fields are one list": {
			"10.0.0.1:9", "X-Forwarded-For: 1.2.3.4\nX-Forwarded-For: 10.2.2.2", "1.2.3.4", trusted,
		},
		"only proxies": {
			"10.0.0.1:9", "X-Forwarded-For: 10.3.3.3, 10.2.2.2", "10.3.3.3", trusted,
		},
		"an entry that is no address": {
			"10.0.0.1:9", "X-Forwarded-For: 1.2.3.4, unknown, 10.2.2.2", "10.2.2.2", trusted,
		},
		"an empty entry": {"10.0.0.1:9", "X-Forwarded-For: 1.2.3.4,", "10.0.0.1", trusted},
		"with a port":    {"10.0.0.1:9", "X-Forwarded-For: 1.2.3.4:55", "1.2.3.4", trusted},
		"IPv6":           {"[fd00::1]:9", "X-Forwarded-For: 2001:db8::7", "2001:db8::7", trusted},
		"IPv6 in brackets": {
			"[fd00::1]:9", "X-Forwarded-For: [2001:db8::7]:55", "2001:db8::7", trusted,
		},
		"IPv4 in IPv6": {"[::ffff:10.0.0.1]:9", "X-Forwarded-For: 1.2.3.4", "1.2.3.4", trusted},
		"Forwarded": {
			"10.0.0.1:9", `Forwarded: for=8.8.8.8, proto=https;For="[2001:db8::7]:55";by=x`,
			"2001:db8::7", trusted,
		},
		"X-Forwarded-For wins": {
			"10.0.0.1:9", "Forwarded: for=8.8.8.8\nX-Forwarded-For: 1.2.3.4", "1.2.3.4", trusted,
		},
		"Forwarded without an address": {"10.0.0.1:9", "Forwarded: for=_x", "10.0.0.1", trusted},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{RemoteAddr: c.peer, Header: http.Header{}}
			for line := range strings.Lines(c.header) {
				field, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
				r.Header.Add(field, value)
			}
			if got := c.proxies.client(r); got.String() != c.want {
				t.Errorf("got %v, want %s", got, c.want)
			}
		})
	}
}
