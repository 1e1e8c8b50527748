//go:build linux

package chaos

import (
	"net"
	"net/url"
	"sync"
	"testing"
)

// proxy passes connections on from a server to its database, and can refuse or hold them.
type proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	how   behaviour
	conns map[net.Conn]struct{}
	calm  chan struct{} // closed when it stops holding data back
}

type behaviour int

const (
	passes  behaviour = iota
	refuses           // closes open and new connections
	hangs             // accepts data and passes none on, as a network that loses packets
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
		p.set(refuses)
	})
	u.Host = listener.Addr().String()
	return p, u.String()
}

// set changes how the proxy behaves.
func (p *proxy) set(r behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case r == hangs && p.how != hangs:
		p.calm = make(chan struct{})
	case r != hangs && p.how == hangs:
		close(p.calm)
	}
	p.how = r
	if r == refuses {
		p.closeAll()
	}
}

// cut closes all open connections. New ones are passed on.
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
	if p.how == refuses {
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
