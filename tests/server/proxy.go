package server

import (
	"net"
	"sync"
	"testing"
)

// Proxy passes TCP connections on to an address, and can refuse or hold them.
type Proxy struct {
	listener net.Listener
	target   string

	mu    sync.Mutex
	how   Behaviour
	conns map[net.Conn]struct{}
	calm  [directions]chan struct{} // closed while it holds no data of the direction back
}

// The directions of data.
const (
	requests = iota
	answers
	directions
)

// Behaviour is how a Proxy treats connections.
type Behaviour int

const (
	// Passes is the behaviour of a new proxy.
	Passes Behaviour = iota
	// Refuses closes open and new connections.
	Refuses
	// Hangs accepts connections and data and passes none on, as a network that loses packets.
	Hangs
	// HoldsAnswers is like Hangs for the data of the target only.
	HoldsAnswers
	// HoldsRequests is like Hangs for the data of the clients only.
	HoldsRequests
)

func (b Behaviour) holds(direction int) bool {
	return b == Hangs || b == HoldsAnswers && direction == answers ||
		b == HoldsRequests && direction == requests
}

// StartProxy starts a proxy in front of an address, which ends with the test.
func StartProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{
		listener: listener,
		target:   target,
		conns:    map[net.Conn]struct{}{},
	}
	for direction := range p.calm {
		p.calm[direction] = make(chan struct{})
		close(p.calm[direction])
	}
	go p.serve()
	tb.Cleanup(func() {
		listener.Close()
		p.Set(Refuses)
	})
	return p
}

// Address returns host and port of the proxy.
func (p *Proxy) Address() string { return p.listener.Addr().String() }

// Set changes how the proxy behaves.
func (p *Proxy) Set(how Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for direction := range p.calm {
		switch held, holds := p.how.holds(direction), how.holds(direction); {
		case holds && !held:
			p.calm[direction] = make(chan struct{})
		case held && !holds:
			close(p.calm[direction])
		}
	}
	p.how = how
	if how == Refuses {
		p.closeAll()
	}
}

// Cut closes all open connections. New ones are passed on.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closeAll()
}

func (p *Proxy) closeAll() {
	for c := range p.conns {
		c.Close()
	}
	clear(p.conns)
}

func (p *Proxy) serve() {
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
		go p.pass(near, far, answers)
		go p.pass(far, near, requests)
	}
}

func (p *Proxy) admit(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.how == Refuses {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

// pass copies one direction until either side ends.
func (p *Proxy) pass(to, from net.Conn, direction int) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.mu.Lock()
		calm := p.calm[direction]
		p.mu.Unlock()
		<-calm
		if _, failed := to.Write(buf[:n]); failed != nil || err != nil {
			p.forget(to, from)
			return
		}
	}
}

func (p *Proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}
