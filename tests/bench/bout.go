//go:build linux

package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"kalsel.dev/refresh/tests/server"
)

const (
	starts     = 5
	startLimit = 20 * time.Second
)

// bout is a contender that is running, its clients, and the sums of the round under way.
type bout struct {
	contender
	process *server.Process
	address string
	answer  []byte        // the first one
	ready   time.Duration // from exec to the first answer

	how     loop
	workers []*worker
	took    []time.Duration
	late    []time.Duration
	elapsed time.Duration
	spent   spent
	counted counters // when the round began
}

// start runs a contender and waits for its first good answer. The caller must stop it.
func start(ctx context.Context, c contender) (*bout, error) {
	address, err := server.FreeAddress()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(c.command[0], c.command[1:]...)
	cmd.Dir = c.folder
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), c.listen + "=" + address}, c.env...)
	began := time.Now()
	process, err := server.Launch(cmd, syscall.SIGKILL)
	if err != nil {
		return nil, err
	}
	b := &bout{contender: c, process: process, address: address}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	err = b.await(ctx, "listen", 500*time.Microsecond, func() bool {
		conn, err := net.Dial("tcp", address)
		return err == nil && conn.Close() == nil
	})
	if err == nil {
		err = b.askFirst(began)
	}
	if err == nil && c.operations != "" {
		err = b.await(ctx, "become ready", 10*time.Millisecond, func() bool {
			response, err := http.Get("http://" + c.operations + "/readyz")
			return err == nil && response.Body.Close() == nil &&
				response.StatusCode == http.StatusOK
		})
	}
	if err != nil {
		b.stop()
		return nil, b.failure(err)
	}
	return b, nil
}

func (b *bout) await(
	ctx context.Context, event string, every time.Duration, happened func() bool,
) error {
	for !happened() {
		select {
		case <-b.process.Done:
			return fmt.Errorf("it ended before it could %s: %s", event, b.process.State)
		case <-ctx.Done():
			return fmt.Errorf("it does not %s: %w", event, ctx.Err())
		case <-time.After(every):
		}
	}
	return nil
}

func (b *bout) askFirst(began time.Time) error {
	w, err := dialLean(b.address)
	if err != nil {
		return err
	}
	defer w.close() //nolint:errcheck // one connection of many
	if err := w.deadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	talk := *b.talks[0]
	got, err := w.ask(talk.next())
	if err != nil {
		return err
	}
	b.ready, b.answer = time.Since(began), slices.Clone(got.body)
	return talk.accept(got)
}

func (b *bout) stop() {
	for _, w := range b.workers {
		_ = w.close() // the server ends anyway
	}
	_ = b.process.Stop() // how it ended changes no figure
}

// failure is err with the server's name and the end of its log.
func (b *bout) failure(err error) error {
	return fmt.Errorf("%s: %w; its log ends with:\n%s", b.name, err, b.process.Log.Tail())
}

// connect opens the connections and warms the server up.
func (b *bout) connect(ctx context.Context, how loop, warmup time.Duration) error {
	b.how = how
	for _, talk := range b.talks {
		w, err := how.dial(b.address)
		if err != nil {
			return err
		}
		own := *talk // several servers may have the same clients
		w.talk = &own
		b.workers = append(b.workers, w)
	}
	return how.drive(ctx, b.workers, time.Now().Add(warmup))
}

// measureStarts records program sizes and the time from exec to the first answer.
func measureStarts(ctx context.Context, contenders []contender, result *report) error {
	for _, c := range contenders {
		var ready []float64
		for range starts {
			b, err := start(ctx, c)
			if err != nil {
				return err
			}
			b.stop()
			ready = append(ready, b.ready.Seconds()*1000)
		}
		file, err := os.Stat(c.command[0])
		if err != nil {
			return err
		}
		started := startUp{Server: c.name, Bytes: file.Size(), Milliseconds: spreadOf(ready)}
		result.Starts = append(result.Starts, started)
	}
	return nil
}
