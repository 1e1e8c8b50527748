//go:build linux

package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// exchange is a connection with a ready answer.
type exchange struct {
	io.Reader
	bytes.Buffer
}

func (e *exchange) Read(to []byte) (int, error) { return e.Reader.Read(to) }

func TestAsk(t *testing.T) {
	for name, c := range map[string]struct {
		raw    string
		status int
		body   string
		err    string
	}{
		"an answer":                {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, "ok", ""},
		"names in another case":    {"HTTP/1.1 421 Misdirected\r\nX: y\r\ncontent-LENGTH:  3 \r\n\r\nabc", 421, "abc", ""},
		"an empty body":            {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, "", ""},
		"a body with a blank line": {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\r\n\r\nx", 200, "\r\n\r\nx", ""},
		"no length":                {"HTTP/1.1 200 OK\r\n\r\n", 0, "", "no Content-Length"},
		"length in the body only":  {"HTTP/1.1 200 OK\r\n\r\nContent-Length: 1\r\n\r\n", 0, "", "no Content-Length"},
		"a negative length":        {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, "", "not a length"},
		"another protocol":         {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, "", "not a status line"},
		"no number":                {"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", 0, "", "not a status line"},
		"cut off in the body":      {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 0, "", "EOF"},
		"cut off in the head":      {"HTTP/1.1 200 OK\r\nContent-Le", 0, "", "EOF"},
		"without end":              {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswer), 0, "", "longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			for way, reader := range map[string]io.Reader{
				"at once":      strings.NewReader(c.raw),
				"byte by byte": iotest.OneByteReader(strings.NewReader(c.raw)),
			} {
				conn := &exchange{Reader: reader}
				got, err := newClient(conn).ask([]byte("question"))
				if c.err != "" {
					if err == nil || !strings.Contains(err.Error(), c.err) {
						t.Errorf("%s: error %v, want %q", way, err, c.err)
					}
					continue
				}
				if err != nil || got.status != c.status || string(got.body) != c.body || conn.String() != "question" {
					t.Errorf("%s: got %d %q, %v after sending %q", way, got.status, got.body, err, conn.String())
				}
			}
		})
	}
}

func TestAskRefusesMoreThanOneAnswer(t *testing.T) {
	raw := "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!"
	if _, err := newClient(&exchange{Reader: strings.NewReader(raw)}).ask(nil); err == nil {
		t.Error("no error")
	}
}
