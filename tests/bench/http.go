//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const maxAnswer = 16 << 10

// answer is a response to one request. Its body is valid until the client's next request.
type answer struct {
	status int
	body   []byte
}

// client speaks just enough HTTP/1.1 to cost little beside the server: one request at a time over one connection, answers
// with Content-Length only.
type client struct {
	conn io.ReadWriter
	buf  []byte
}

func newClient(conn io.ReadWriter) *client {
	return &client{conn: conn, buf: make([]byte, maxAnswer)}
}

func (c *client) ask(request []byte) (answer, error) {
	if err := c.send(request); err != nil {
		return answer{}, err
	}
	return c.receive()
}

func (c *client) send(request []byte) error {
	_, err := c.conn.Write(request)
	return err
}

// receive waits for the whole answer to the one request that was sent.
func (c *client) receive() (answer, error) {
	n, end := 0, -1
	var got head
	for end < 0 || n < end {
		if n == len(c.buf) {
			return answer{}, fmt.Errorf("answer is longer than %d bytes", maxAnswer)
		}
		read, err := c.conn.Read(c.buf[n:])
		if err != nil {
			return answer{}, fmt.Errorf("read answer: %w", err)
		}
		n += read
		if end < 0 {
			if got, err = parseHead(c.buf[:n]); errors.Is(err, errIncomplete) {
				continue
			} else if err != nil {
				return answer{}, err
			}
			end = got.size + got.length
		}
	}
	if n > end {
		return answer{}, fmt.Errorf("%d bytes follow the answer", n-end)
	}
	return answer{status: got.status, body: c.buf[got.size:end]}, nil
}

// head is the part of a response before its body; size is its own length, length that of the body, both in bytes.
type head struct {
	status, size, length int
}

var (
	errIncomplete = errors.New("head is not complete")
	headEnd       = []byte("\r\n\r\n")
	lineEnd       = []byte("\r\n")
	protocol      = []byte("HTTP/1.1 ")
	lengthName    = []byte("Content-Length")
)

func parseHead(data []byte) (head, error) {
	end := bytes.Index(data, headEnd)
	if end < 0 {
		return head{}, errIncomplete
	}
	line, rest, _ := bytes.Cut(data[:end+len(lineEnd)], lineEnd)
	if len(line) < len(protocol)+3 || !bytes.HasPrefix(line, protocol) {
		return head{}, fmt.Errorf("not a status line: %q", line)
	}
	status, err := strconv.Atoi(string(line[len(protocol) : len(protocol)+3]))
	if err != nil {
		return head{}, fmt.Errorf("not a status line: %q", line)
	}
	for len(rest) > 0 {
		line, rest, _ = bytes.Cut(rest, lineEnd)
		name, value, _ := bytes.Cut(line, []byte(":"))
		if !bytes.EqualFold(name, lengthName) {
			continue
		}
		length, err := strconv.Atoi(string(bytes.TrimSpace(value)))
		if err != nil || length < 0 {
			return head{}, fmt.Errorf("not a length: %q", value)
		}
		return head{status: status, size: end + len(headEnd), length: length}, nil
	}
	return head{}, errors.New("answer has no Content-Length")
}
