package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func request(ts *testscript.TestScript, _ bool, args []string) {
	var body io.Reader
	if len(args) > 3 {
		body = strings.NewReader(ts.ReadFile(args[3]))
	}
	send(ts, args[0], args[1], args[2], http.Header{"Content-Type": {"application/json"}}, body)
}

// client keeps no connection open: a server that is stopping would wait for it.
var client = &http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}

func send(ts *testscript.TestScript, want, method, url string, header http.Header, body io.Reader) {
	req, err := http.NewRequest(method, url, body)
	ts.Check(err)
	req.Header = header
	answer, err := client.Do(req)
	ts.Check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	ts.Check(err)
	_, err = ts.Stdout().Write(text)
	ts.Check(err)
	if got := strconv.Itoa(answer.StatusCode); got != want {
		ts.Fatalf("%s %s answered %s, want %s: %s", method, url, got, want, text)
	}
}

// ready waits until the server is ready: on a slow machine it may lose its lease for a moment.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	waitFor(ts, "readiness", running(ts), func() bool {
		answer, err := client.Get("http://" + ts.Getenv("OPS") + "/readyz")
		if err != nil {
			return false
		}
		return answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	})
}

// paste is a small curl that knows only the options of the printed line.
func paste(ts *testscript.TestScript, _ bool, _ []string) {
	words, err := shellWords(ts.Getenv("CURL"))
	ts.Check(err)
	url, data, header := "", "", http.Header{}
	for i := 1; i < len(words); i++ {
		switch words[i] {
		case "-i":
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			header.Set(name, value)
		case "-d":
			i++
			data = words[i]
		default:
			if url != "" || strings.HasPrefix(words[i], "-") {
				ts.Fatalf("unexpected word %q in %q", words[i], words)
			}
			url = words[i]
		}
	}
	send(ts, "200", http.MethodPost, url, header, strings.NewReader(data))
}

// shellWords splits a line as a POSIX shell does, for plain words, single quotes and backslashes.
func shellWords(line string) ([]string, error) {
	var words []string
	var word strings.Builder
	inWord, quoted, escaped := false, false, false
	for _, r := range line {
		switch {
		case escaped:
			word.WriteRune(r)
			escaped = false
		case r == '\'':
			quoted, inWord = !quoted, true
		case quoted:
			word.WriteRune(r)
		case r == '\\':
			escaped, inWord = true, true
		case r == ' ':
			if inWord {
				words = append(words, word.String())
				word.Reset()
			}
			inWord = false
		case strings.ContainsRune("\"$`&|;<>(){}*?[]~#!\n", r):
			return nil, fmt.Errorf("%q outside of quotes means something to a shell", r)
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quoted || escaped {
		return nil, errors.New("a quote does not end")
	}
	if inWord {
		words = append(words, word.String())
	}
	return words, nil
}

// heldRequest is a request that the server has begun to read and cannot finish.
type heldRequest struct {
	conn   net.Conn
	answer *bufio.Reader
	body   string
}

const refreshHead = "POST /api/v1/refresh HTTP/1.1\r\nHost: test\r\n" +
	"Content-Type: application/json\r\n"

// hold waits for "100 Continue", so that the handler has begun to read the request.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	h := &heldRequest{conn: dial(ts), body: ts.ReadFile(args[1])}
	ts.Defer(func() { h.conn.Close() })
	const rest = "Expect: 100-continue\r\nContent-Length: %d\r\n\r\n"
	_, err := fmt.Fprintf(h.conn, refreshHead+rest, len(h.body))
	ts.Check(err)
	h.answer = bufio.NewReader(h.conn)
	h.expect(ts, "100")
	running(ts).held[args[0]] = h
}

func release(ts *testscript.TestScript, _ bool, args []string) {
	h := running(ts).held[args[0]]
	_, err := io.WriteString(h.conn, h.body)
	ts.Check(err)
	h.expect(ts, args[1])
}

func (h *heldRequest) expect(ts *testscript.TestScript, status string) {
	ts.Check(h.conn.SetReadDeadline(time.Now().Add(patience)))
	line, err := h.answer.ReadString('\n')
	ts.Check(err)
	if line == "\r\n" { // the end of the answer 100
		line, err = h.answer.ReadString('\n')
		ts.Check(err)
	}
	if !strings.HasPrefix(line, "HTTP/1.1 "+status) {
		ts.Fatalf("answered %q, want %s", line, status)
	}
}

func dial(ts *testscript.TestScript) net.Conn {
	conn, err := net.DialTimeout("tcp", ts.Getenv("ADDR"), patience)
	ts.Check(err)
	return conn
}

func refused(ts *testscript.TestScript, _ bool, _ []string) {
	waitFor(ts, "refused connections", running(ts), func() bool {
		conn, err := net.DialTimeout("tcp", ts.Getenv("ADDR"), patience)
		if err != nil {
			return true
		}
		return conn.Close() != nil
	})
}

// drip begins requests and sends nothing more, until the server has disconnected all of them.
func drip(ts *testscript.TestScript, _ bool, args []string) {
	beginnings := map[string]string{
		"nothing": "",
		"header":  refreshHead + "X-Slow: ",
		"body":    refreshHead + "Content-Length: 100\r\n\r\n{",
	}
	failures := make(chan error, len(args))
	for _, name := range args {
		conn := dial(ts)
		defer conn.Close()
		go func() { failures <- dripOne(conn, beginnings[name]) }()
	}
	for range args {
		ts.Check(<-failures)
	}
}

func dripOne(conn net.Conn, beginning string) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, beginning); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("the server still waits for the rest of %q", beginning)
	}
	return nil
}
