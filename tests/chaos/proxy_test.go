//go:build linux

package chaos

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy stands between a server and its database, and can be rude.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	rude  rudeness
	conns map[net.Conn]struct{}
	calm  chan struct{} // closed when it stops hanging
}

type rudeness int

const (
	polite  rudeness = iota
	refuses          // closes what is open, and what comes
	hangs            // takes everything and passes on nothing, as a network does that loses packets
)

// through returns a proxy and the database's URL through it.
func through(t *testing.T, database string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{
		listener: listener,
		target:   u.Host,
		conns:    map[net.Conn]struct{}{},
		calm:     make(chan struct{}),
	}
	close(p.calm)
	go p.serve()
	t.Cleanup(func() {
		listener.Close()
		p.be(refuses)
	})
	u.Host = listener.Addr().String()
	return p, u.String()
}

// be changes the manners.
func (p *proxy) be(r rudeness) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r == hangs && p.rude != hangs:
		p.calm = make(chan struct{})
	case r != hangs && p.rude == hangs:
		close(p.calm)
	}
	p.rude = r
	if r == refuses {
		p.closeAll()
	}
}

// cut closes all that is open; what comes next is welcome.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeAll()
}

func (p *proxy) closeAll() {
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *proxy) serve() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.target)
		if err != nil || !p.admit(near, far) {
			near.Close()
			if err == nil {
				far.Close()
			}
			continue
		}
		go p.pass(near, far)
		go p.pass(far, near)
	}
}

func (p *proxy) admit(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.rude == refuses {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

// pass copies one direction until either side ends.
func (p *proxy) pass(to, from net.Conn) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		calm := p.calm
		p.mu.Unlock()
		<-calm
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			p.forget(to, from)
			return
		}
	}
}

func (p *proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}
