//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"time"
)

const (
	startLimit = 20 * time.Second
	stopLimit  = 5 * time.Second
	pollEvery  = 500 * time.Microsecond
)

// process is a running server that has answered its first request.
type process struct {
	scenario
	address string
	cmd     *exec.Cmd
	log     *os.File
	exited  chan struct{}
	first   string        // body of the first answer
	ready   time.Duration // from exec to the first answer
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// start runs the server and waits for its first good answer. The caller must stop it.
func start(ctx context.Context, s scenario) (*process, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp(s.dir, "server-*.log")
	if err != nil {
		return nil, err
	}
	p := &process{scenario: s, address: address, log: log, exited: make(chan struct{})}
	p.cmd = exec.Command(s.command[0], s.command[1:]...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = s.dir, log, log
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TMPDIR=" + s.dir}, s.env(address)...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		log.Close()
		return nil, err
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	err = p.awaitFirst(ctx, began)
	if err == nil && s.ready != "" {
		err = p.awaitReady(ctx)
	}
	if err != nil {
		p.stop()
		return nil, p.failure(err)
	}
	return p, nil
}

func (p *process) awaitFirst(ctx context.Context, began time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for {
		conn, err := net.Dial("tcp", p.address)
		if err == nil {
			defer conn.Close()
			return p.askFirst(conn, began)
		}
		select {
		case <-p.exited:
			return fmt.Errorf("ended before it listened: %s", p.cmd.ProcessState)
		case <-ctx.Done():
			return fmt.Errorf("does not listen: %w", ctx.Err())
		case <-time.After(pollEvery):
		}
	}
}

func (p *process) askFirst(conn net.Conn, began time.Time) error {
	if err := conn.SetDeadline(time.Now().Add(startLimit)); err != nil {
		return err
	}
	talk := p.talk(0)
	got, err := newClient(conn).ask(talk.next())
	if err != nil {
		return err
	}
	p.ready = time.Since(began)
	p.first = string(got.body)
	return talk.accept(got)
}

// stop ends the process, gently first.
func (p *process) stop() {
	defer p.log.Close()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(stopLimit):
		_ = p.cmd.Process.Kill()
		<-p.exited
	}
}

// failure is err with the server's name and its last words.
func (p *process) failure(err error) error { return fmt.Errorf("%s: %w%s", p.name, err, p.lastWords()) }

// lastWords is the end of the server's log, for the message of a failure.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log.Name())
	if err != nil {
		return "; its log cannot be read: " + err.Error()
	}
	if text = bytes.TrimSpace(text[max(0, len(text)-2000):]); len(text) == 0 {
		return ""
	}
	return "; its log ends with:\n" + string(text)
}
