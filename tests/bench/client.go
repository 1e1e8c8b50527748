//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

const refreshPath = "/api/v1/refresh"

// answer is the response to one request. Its body is valid until the connection's next request.
type answer struct {
	status int
	body   []byte
}

// worker is one connection and the times that were measured on it.
type worker struct {
	net.Conn
	in   *bufio.Reader
	out  []byte
	ask  func(body []byte) (answer, error)
	talk *dialogue
	took []time.Duration // of each request
	late []time.Duration
	shed int // requests that were answered 503

	forwarded bool   // each request names another client address, as a proxy does
	path      string // of a GET with an access token; "" is a refresh
}

// dial returns a connection with the lean client, or with Go's own, as most callers have it.
func dial(address string, lean bool) (*worker, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	if lean {
		w := &worker{Conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}
		w.ask = w.askLean
		return w, nil
	}
	dialled := func(context.Context, string, string) (net.Conn, error) { return conn, nil }
	transport := &http.Transport{
		MaxConnsPerHost:    1,
		DisableCompression: true,
		DialContext:        dialled,
	}
	url := "http://" + address + refreshPath
	ask := func(body []byte) (answer, error) {
		r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return answer{}, err
		}
		r.Header.Set("Content-Type", "application/json")
		response, err := transport.RoundTrip(r)
		if err != nil {
			return answer{}, err
		}
		defer response.Body.Close()
		got, err := io.ReadAll(response.Body)
		return answer{response.StatusCode, got}, err
	}
	return &worker{Conn: conn, ask: ask}, nil
}

// askLean speaks just enough HTTP/1.1 to cost little: one request at a time over one connection,
// answers with Content-Length only.
func (w *worker) askLean(body []byte) (answer, error) {
	if err := w.send(body); err != nil {
		return answer{}, err
	}
	return w.receive()
}

func (w *worker) send(body []byte) error {
	if w.path != "" {
		w.out = append(append(w.out[:0], "GET "...), w.path...)
		w.out = append(w.out, " HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"...)
		w.out = append(append(w.out, "Authorization: Bearer "...), body...)
		_, err := w.Write(append(w.out, "\r\n\r\n"...))
		return err
	}
	w.out = append(w.out[:0], "POST "+refreshPath+" HTTP/1.1\r\nHost: localhost\r\n"+
		"User-Agent: bench\r\nContent-Type: application/json\r\n"...)
	if w.forwarded {
		w.out = fmt.Appendf(w.out, "X-Forwarded-For: 10.0.%d.%d\r\n", rand.N(256), rand.N(256))
	}
	w.out = append(w.out, "Content-Length: "...)
	w.out = append(strconv.AppendInt(w.out, int64(len(body)), 10), "\r\n\r\n"...)
	w.out = append(w.out, body...)
	_, err := w.Write(w.out)
	return err
}

// receive waits for the whole answer to the request that was sent.
func (w *worker) receive() (answer, error) {
	status, length := 0, -1
	for line := []byte(nil); status == 0 || len(line) > len("\r\n"); {
		var err error
		if line, err = w.in.ReadSlice('\n'); err != nil {
			return answer{}, fmt.Errorf("read the head of the answer: %w", err)
		}
		if value, found := bytes.CutPrefix(line, []byte("HTTP/1.1 ")); found && status == 0 {
			status, err = strconv.Atoi(string(value[:min(len(value), 3)]))
		} else if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found {
			length, err = strconv.Atoi(string(bytes.TrimSpace(value)))
		}
		if err != nil || status == 0 {
			return answer{}, fmt.Errorf("not the head of an answer: %q", line)
		}
	}
	body, err := w.in.Peek(max(length, 0))
	if err != nil {
		return answer{}, fmt.Errorf("read an answer of %d bytes: %w", length, err)
	}
	if _, err = w.in.Discard(len(body)); length < 0 || w.in.Buffered() > 0 {
		err = fmt.Errorf("an answer of %d bytes, and %d more", length, w.in.Buffered())
	}
	return answer{status, body}, err
}
