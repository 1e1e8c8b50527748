package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
)

// reloads are the things that SIGHUP reads again. Each logs its own failures.
type reloads struct {
	log     *slog.Logger
	hangups chan os.Signal

	mu    sync.Mutex
	names []string
	again []func()
}

// newReloads catches SIGHUP from now on. Uncaught, it would end the process.
func newReloads(log *slog.Logger) *reloads {
	r := &reloads{log: log, hangups: make(chan os.Signal, 1)}
	signal.Notify(r.hangups, syscall.SIGHUP)
	return r
}

// add makes SIGHUP call reload.
func (r *reloads) add(name string, reload func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names, r.again = append(r.names, name), append(r.again, reload)
}

// onHangup calls all functions at each SIGHUP, until ctx ends.
func (r *reloads) onHangup(ctx context.Context) {
	defer signal.Stop(r.hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.hangups:
			r.mu.Lock()
			for _, reload := range r.again {
				reload()
			}
			r.log.Info("SIGHUP: read again", "read", strings.Join(r.names, ", "))
			r.mu.Unlock()
		}
	}
}
