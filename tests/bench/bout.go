//go:build linux

package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"kalsel.dev/refresh/tests/server"
)

// startLimit is how long a server may take to start.
const startLimit = 20 * time.Second

// bout is a contender that is running, its clients, and the sums of the round under way.
type bout struct {
	contender
	process             *server.Process
	address, operations string
	ready               time.Duration // from exec to the first answer
	workers             []*worker
	elapsed             time.Duration
	spent               spent
	rotations, commits  float64 // that refreshd had counted when the round began
	siege               *siege  // nil unless slow clients load the server too
}

// start runs a contender and waits for its first good answer, and until it is ready. The caller
// must stop it.
func start(ctx context.Context, c contender) (*bout, error) {
	address, operations := must(server.FreeAddress()), must(server.FreeAddress())
	cmd := exec.Command(must(filepath.Abs(c.program)))
	cmd.Env = append(slices.Clone(c.env), "REFRESH_LISTEN="+address, "REFRESH_OPS_LISTEN="+operations)
	began := time.Now()
	process, err := server.Launch(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	b := &bout{contender: c, process: process, address: address, operations: operations}
	for _, step := range []func() error{b.askOnce, b.isReady} {
		for err := step(); err != nil; err = step() {
			if process.Ended() || ctx.Err() != nil || time.Since(began) > startLimit {
				b.stop()
				return nil, b.failure(fmt.Errorf("it does not start: %w", err))
			}
			time.Sleep(500 * time.Microsecond)
		}
		b.ready = cmp.Or(b.ready, time.Since(began))
	}
	return b, nil
}

// isReady returns an error unless the server is ready, or is one that has no such page.
func (b *bout) isReady() error {
	if b.name == floor || b.name == byHand || b.name == guarded {
		return nil
	}
	_, err := b.page("/readyz")
	return err
}

// askOnce returns an error unless the server listens and answers well.
func (b *bout) askOnce() error {
	w, err := dial(b.address, true)
	if err != nil {
		return err
	}
	defer w.Close()
	w.path = b.path
	if err := w.SetDeadline(time.Now().Add(answerLimit)); err != nil {
		return err
	}
	got, err := w.ask(b.talks[0].next())
	if err != nil {
		return err
	}
	return b.talks[0].accept(got)
}

// connect opens a connection for each client.
func (b *bout) connect(lean bool) error {
	for _, talk := range b.talks {
		w, err := dial(b.address, lean)
		if err != nil {
			return err
		}
		w.talk, w.forwarded, w.path = talk, b.name == limited, b.path
		b.workers = append(b.workers, w)
	}
	if b.name == besieged {
		b.siege = besiege(b.address)
	}
	return nil
}

func (b *bout) stop() {
	if b.siege != nil {
		b.siege.end()
	}
	for _, w := range b.workers {
		_ = w.Close() // the server ends anyway
	}
	_ = b.process.Stop() // how it ended changes no figure
}

// failure is err with the server's name and the end of its log.
func (b *bout) failure(err error) error {
	return fmt.Errorf("%s: %w; its log ends with:\n%s", b.name, err, b.process.Log.Tail())
}

// The counters of refreshd that a sample contains.
const (
	rotations = `refreshd_rotations_total{answer="advanced"}`
	commits   = "refreshd_store_commits_total"
)

// counted returns a counter from /metrics, or 0 if the server has none.
func (b *bout) counted(name string) float64 {
	page, _ := b.page("/metrics")
	_, rest, _ := strings.Cut(page, "\n"+name+" ")
	digits, _, _ := strings.Cut(rest, "\n")
	number, _ := strconv.ParseFloat(digits, 64)
	return number
}

// page returns a page of the listener for operations.
func (b *bout) page(path string) (string, error) {
	response, err := http.Get("http://" + b.operations + path)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", path, response.Status)
	}
	return string(text), err
}
