package store

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// hosts remembers which hosts of a URL to try first. The zero value keeps the order of the URL.
type hosts struct {
	mu    sync.Mutex
	ranks map[string]int // by host and port: lower ones are tried first; 0 at the start
	least int
	most  int
}

// good puts a host before all others: a connection to it was opened.
func (h *hosts) good(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ranks == nil {
		h.ranks = map[string]int{}
	}
	if h.ranks[host] != h.least || h.least == 0 {
		h.least--
		h.ranks[host] = h.least
	}
}

// bad puts a host behind all others: it has stopped answering, or it is read-only.
func (h *hosts) bad(host string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ranks == nil {
		h.ranks = map[string]int{}
	}
	h.most++
	h.ranks[host] = h.most
}

// arrange puts the hosts of a configuration into order. It returns a function that tells which of
// them is being dialled.
func (h *hosts) arrange(config *pgx.ConnConfig) (dialled func() string) {
	all := append([]*pgconn.FallbackConfig{{
		Host:      config.Host,
		Port:      config.Port,
		TLSConfig: config.TLSConfig,
	}}, config.Fallbacks...)
	h.mu.Lock()
	slices.SortStableFunc(all, func(a, b *pgconn.FallbackConfig) int {
		return cmp.Compare(h.ranks[key(a.Host, a.Port)], h.ranks[key(b.Host, b.Port)])
	})
	h.mu.Unlock()
	config.Host, config.Port, config.TLSConfig = all[0].Host, all[0].Port, all[0].TLSConfig
	config.Fallbacks = all[1:]

	names := map[string]string{} // by address
	lookup, dial := config.LookupFunc, config.DialFunc
	config.LookupFunc = func(ctx context.Context, host string) ([]string, error) {
		addresses, err := lookup(ctx, host)
		for _, address := range addresses {
			names[address] = host
		}
		return addresses, err
	}
	var current string
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		current = address
		if ip, port, err := net.SplitHostPort(address); err == nil && names[ip] != "" {
			current = net.JoinHostPort(names[ip], port)
		}
		return dial(ctx, network, address)
	}
	return func() string { return current }
}

// several reports whether a configuration has more than one host.
func several(config *pgx.ConnConfig) bool {
	return slices.ContainsFunc(config.Fallbacks, func(f *pgconn.FallbackConfig) bool {
		return f.Host != config.Host || f.Port != config.Port
	})
}

func key(host string, port uint16) string {
	return net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10))
}
