//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const maxAnswer = 16 << 10

// answer is the response to one request. Its body is valid until the connection's next request.
type answer struct {
	status int
	body   []byte
}

// leanClient speaks just enough HTTP/1.1 to cost little: one request at a time over one connection,
// answers with Content-Length only.
type leanClient struct {
	io.ReadWriter
	in, out []byte
}

func newLeanClient(conn io.ReadWriter) *leanClient {
	return &leanClient{ReadWriter: conn, in: make([]byte, maxAnswer)}
}

func (c *leanClient) send(body []byte) error {
	c.out = append(c.out[:0], "POST /api/v1/refresh HTTP/1.1\r\nHost: localhost\r\n"+
		"User-Agent: bench\r\nContent-Type: application/json\r\nContent-Length: "...)
	c.out = append(strconv.AppendInt(c.out, int64(len(body)), 10), "\r\n\r\n"...)
	c.out = append(c.out, body...)
	_, err := c.Write(c.out)
	return err
}

// receive waits for the whole answer to the request that was sent.
func (c *leanClient) receive() (answer, error) {
	status, head, length := 0, 0, 0
	for n := 0; head == 0 || n < head+length; {
		if n == len(c.in) {
			return answer{}, fmt.Errorf("the answer is longer than %d bytes", maxAnswer)
		}
		read, err := c.Read(c.in[n:])
		if err != nil {
			return answer{}, fmt.Errorf("read answer: %w", err)
		}
		n += read
		if head == 0 {
			if status, head, length, err = parseHead(c.in[:n]); err != nil {
				return answer{}, err
			}
		}
		if head > 0 && n > head+length {
			return answer{}, errors.New("more bytes follow the answer")
		}
	}
	return answer{status, c.in[head : head+length]}, nil
}

// parseHead returns status, size of the head, and length of the body; zeros if the head is not
// complete yet.
func parseHead(data []byte) (status, size, length int, err error) {
	head, _, complete := bytes.Cut(data, []byte("\r\n\r\n"))
	if !complete {
		return 0, 0, 0, nil
	}
	_, value, found := bytes.Cut(head, []byte("\r\nContent-Length: "))
	value, _, _ = bytes.Cut(value, []byte("\r\n"))
	length, err = strconv.Atoi(string(value))
	http1 := bytes.HasPrefix(head, []byte("HTTP/1.1 "))
	if !found || err != nil || length < 0 || len(head) < 12 || !http1 {
		return 0, 0, 0, fmt.Errorf("not an answer with a length: %q", head)
	}
	status, err = strconv.Atoi(string(head[9:12]))
	return status, len(head) + 4, length, err
}

// dialLean returns a connection with the lean client.
func dialLean(address string) (*worker, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	c := newLeanClient(conn)
	ask := func(body []byte) (answer, error) {
		if err := c.send(body); err != nil {
			return answer{}, err
		}
		return c.receive()
	}
	return &worker{close: conn.Close, ask: ask, deadline: conn.SetDeadline}, nil
}

// dialStandard returns a connection with Go's own client, as most callers have it.
func dialStandard(address string) (*worker, error) {
	transport := &http.Transport{MaxConnsPerHost: 1, DisableCompression: true}
	url := "http://" + address + "/api/v1/refresh"
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
	end := func() error {
		transport.CloseIdleConnections()
		return nil
	}
	return &worker{close: end, ask: ask, deadline: func(time.Time) error { return nil }}, nil
}
