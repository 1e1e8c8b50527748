package main

import (
	"net"
	"os"
	"sync"
	"time"
)

// lazyListener accepts connections whose deadlines are cheap to move.
type lazyListener struct{ net.Listener }

// Accept implements net.Listener.
func (l lazyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if c, ok := conn.(tcp); ok {
		return &lazyConn{tcp: c}, err
	}
	return conn, err
}

// tcp is what net/http needs of a *net.TCPConn. (It would also use ReadFrom, for files, which nobody serves here.)
type tcp interface {
	net.Conn
	CloseWrite() error
}

// lazyConn keeps the deadlines of a connection itself. net/http sets and clears them eight times for each request, and each time the
// runtime would touch its timers, which together costs more than verifying a token (docs/decisions/0008-hot-path.md). Here one timer
// stays where it is until it fires; if no deadline has passed then, it is set anew. So deadlines are as exact as the runtime's.
type lazyConn struct {
	tcp

	mu            sync.Mutex
	reads, writes deadline
	reading       int // calls of Read under way
	timer         *time.Timer
	fires         time.Time // when the timer does; zero: it does not
	closed        bool
}

// deadline is that of reads or that of writes.
type deadline struct {
	at     time.Time // zero: none
	passed bool
	told   bool // the connection beneath knows that it has passed
}

// Read implements net.Conn.
func (c *lazyConn) Read(to []byte) (int, error) {
	c.mu.Lock()
	if c.reads.passed && !c.closed {
		c.mu.Unlock()
		return 0, os.ErrDeadlineExceeded
	}
	c.reading++
	c.mu.Unlock()
	n, err := c.tcp.Read(to)
	c.mu.Lock()
	c.reading--
	c.mu.Unlock()
	return n, err
}

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.set(&c.reads, t); err != nil {
		return err
	}
	return c.set(&c.writes, t)
}

// SetReadDeadline implements net.Conn.
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set(&c.reads, t)
}

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.set(&c.writes, t)
}

// Close implements net.Conn.
func (c *lazyConn) Close() error {
	c.mu.Lock()
	c.closed = true
	if c.timer != nil {
		c.timer.Stop()
	}
	c.mu.Unlock()
	return c.tcp.Close()
}

// set and all that it calls need the lock.
func (c *lazyConn) set(d *deadline, t time.Time) error {
	if c.closed {
		return net.ErrClosed
	}
	d.at, d.passed = t, false
	if d.told {
		d.told = false
		if err := c.tell(d, time.Time{}); err != nil {
			return err
		}
	}
	if t.IsZero() || !c.fires.IsZero() && !t.Before(c.fires) {
		return nil
	}
	return c.settle()
}

func (c *lazyConn) tell(d *deadline, t time.Time) error {
	if d == &c.reads {
		return c.tcp.SetReadDeadline(t)
	}
	return c.tcp.SetWriteDeadline(t)
}

// fire is what the timer does.
func (c *lazyConn) fire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fires = time.Time{}
	if !c.closed {
		_ = c.settle() // it fails where the connection is broken, which who uses it sees
	}
}

// settle interrupts what is under way when a deadline has passed, and has the timer fire no later than the next one.
func (c *lazyConn) settle() error {
	now := time.Now()
	for _, d := range []*deadline{&c.reads, &c.writes} {
		switch {
		case d.at.IsZero() || d.passed:
		case !now.Before(d.at):
			d.passed = true
			if d.told = d == &c.writes || c.reading > 0; d.told {
				if err := c.tell(d, d.at); err != nil {
					return err
				}
			}
		case c.fires.IsZero() || d.at.Before(c.fires):
			c.fires = d.at
			if c.timer == nil {
				c.timer = time.AfterFunc(d.at.Sub(now), c.fire)
			} else {
				c.timer.Reset(d.at.Sub(now))
			}
		}
	}
	return nil
}
