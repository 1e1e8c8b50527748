//go:build linux

package main

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	closedConnections = 64 // that measure the capacity of a store
	excess            = 3  // the load above the capacity, as a multiple of it
)

// overload measures each store at a share of its capacity, and above it. The two loads have a
// server and a store each, so that the memory of one does not show in the other.
func (b *bench) overload(ctx context.Context) error {
	var contenders []contender
	for _, name := range b.Servers {
		closed := b.settings
		closed.Connections = closedConnections
		capacity := newReport(closed)
		all, err := b.contenders(ctx, []string{name, name, name})
		if err != nil {
			return err
		}
		all[0].talks = all[0].talks[:min(closedConnections, len(all[0].talks))]
		if err := rounds(ctx, closed, all[:1], loop{true, driveClosed}, capacity); err != nil {
			return err
		}
		most := capacity.over(name, requestRate).Median
		for i, share := range []float64{b.Load, excess} {
			all[i+1].name = fmt.Sprintf("%s at %.0f of %.0f", name, share*most, most)
			all[i+1].rate = share * most
		}
		contenders = append(contenders, all[1:]...)
	}
	result := newReport(b.settings)
	result.Settings.Servers = nil
	for _, c := range contenders {
		result.Settings.Servers = append(result.Settings.Servers, c.name)
	}
	if err := rounds(ctx, b.settings, contenders, loop{lean: true}, result); err != nil {
		return err
	}
	result.print(os.Stdout)
	return result.save()
}

// paced sends requests at a rate that all workers share. A worker that is late sends its next
// request at once, and never two at a time.
func paced(rate float64) loop {
	return loop{lean: true, drive: func(
		ctx context.Context, workers []*worker, until time.Time,
	) error {
		every := time.Duration(float64(len(workers)) / rate * float64(time.Second))
		return each(ctx, workers, func(ctx context.Context, w *worker) error {
			for due := time.Now().Add(rand.N(every)); due.Before(until) && ctx.Err() == nil; {
				time.Sleep(time.Until(due))
				asked := time.Now()
				got, err := w.ask(w.talk.next())
				answered := time.Now()
				switch {
				case err != nil:
					return err
				case w.talk.accept(got) == nil:
					w.took = append(w.took, answered.Sub(asked))
				case got.status == http.StatusServiceUnavailable:
					w.shed++
				default:
					return w.talk.accept(got)
				}
				if due = due.Add(every); due.Before(answered) {
					due = answered
				}
			}
			return nil
		})
	}}
}

// slowClients are the clients of a siege: their number, the bytes that they send first, the bytes
// that they repeat, and whether they read.
var slowClients = []struct {
	count       int
	first, drip string
	reads       bool
}{
	{5000, "GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n", "", true}, // then idle
	{250, "POST " + refreshPath + " HTTP/1.1\r\nHost: x\r\nX: ", "x", false},
	{250, "POST " + refreshPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" +
		"Content-Length: 9000\r\n\r\n", " ", false},
	{50, strings.Repeat("GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n", 20), "", false},
}

// siege is slow clients, which load a server while on is true. Those that are cut off come back.
type siege struct {
	on   atomic.Bool
	stop context.CancelFunc
	done sync.WaitGroup
}

func besiege(address string) *siege {
	ctx, stop := context.WithCancel(context.Background())
	s := &siege{stop: stop}
	s.on.Store(true)
	for _, kind := range slowClients {
		for range kind.count {
			s.done.Go(func() {
				for ctx.Err() == nil {
					s.client(ctx, address, kind.first, kind.drip, kind.reads)
					time.Sleep(rand.N(time.Second))
				}
			})
		}
	}
	return s
}

// client is one connection of a slow client, until the server closes it or ctx ends.
func (s *siege) client(ctx context.Context, address, first, drip string, reads bool) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer func() {
		if stop() {
			_ = conn.Close()
		}
	}()
	_, err = io.WriteString(conn, first)
	if reads {
		_, _ = io.Copy(io.Discard, conn)
		return
	}
	for err == nil && ctx.Err() == nil {
		time.Sleep(rand.N(time.Second))
		if s.on.Load() {
			_, err = io.WriteString(conn, drip)
		}
	}
}

func (s *siege) end() {
	s.stop()
	s.done.Wait()
}
