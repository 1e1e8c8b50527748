//go:build linux

package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// anything accepts each answer.
type anything struct{}

func (anything) next() []byte        { return []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }
func (anything) accept(answer) error { return nil }

// A server that stalls once must be seen to delay every request that was due meanwhile, not only the one it was sent.
func TestOpenLoopCountsFromWhenARequestWasDue(t *testing.T) {
	const stall, length = 200 * time.Millisecond, 100 * time.Millisecond
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	go answerAfter(listener, stall)
	how := openLoop(1000)
	w, err := how.dial(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer w.conn.Close()
	w.talk = anything{}
	if err := load(t.Context(), []*worker{w}, how, length); err != nil {
		t.Fatal(err)
	}
	if want := 100; len(w.took) < want-1 || len(w.took) > want {
		t.Errorf("%d requests, want %d", len(w.took), want)
	}
	for i, took := range w.took {
		if least := stall - length; took < least {
			t.Fatalf("request %d took %v, at least %v was left of the stall", i, took, least)
		}
	}
}

func answerAfter(listener net.Listener, stall time.Duration) {
	conn, err := listener.Accept()
	if err != nil {
		return
	}
	defer conn.Close()
	for requests := bufio.NewReader(conn); ; stall = 0 {
		if _, err := http.ReadRequest(requests); err != nil {
			return
		}
		time.Sleep(stall)
		if _, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}
