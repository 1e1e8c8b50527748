//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// exchange is a connection that ignores requests and has a ready answer.
type exchange struct{ io.Reader }

func (exchange) Write(p []byte) (int, error) { return len(p), nil }

func TestLeanClient(t *testing.T) {
	for name, c := range map[string]struct {
		raw    string
		status int
		body   string
	}{
		"an answer":         {"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		"an empty body":     {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, ""},
		"a blank line":      {"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\r\n\r\n", 200, "\r\n\r\n"},
		"no length":         {"HTTP/1.1 200 OK\r\n\r\n\r\nContent-Length: 1\r\n\r\n", 0, ""},
		"a negative length": {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, ""},
		"another protocol":  {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, ""},
		"no number":         {"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", 0, ""},
		"cut off":           {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 0, ""},
		"too much":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", 0, ""},
		"without end":       {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", maxAnswer), 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, reader := range []io.Reader{
				strings.NewReader(c.raw), iotest.OneByteReader(strings.NewReader(c.raw)),
			} {
				got, err := newLeanClient(exchange{reader}).receive()
				if name == "too much" && err == nil && got.status == 200 {
					continue // byte by byte the rest has not arrived yet
				}
				right := got.status == c.status && string(got.body) == c.body
				if (err == nil) != (c.status > 0) || !right {
					t.Errorf("got %d %q, %v", got.status, got.body, err)
				}
			}
		})
	}
}

func TestAnswersAreChecked(t *testing.T) {
	const secret = "a secret of the test that is long enough"
	signer, err := newSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	talks, err := signer.logins(access, 1)
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Now().Add(limitMinutes * time.Minute).Unix()
	good := jwt.MapClaims{"identity": "someone.0000.0000@kalsel.example", "type": 0, "exp": expires}
	for name, c := range map[string]struct {
		key   string
		claim string
		value any
		kind  answers
		err   string
	}{
		"good":             {secret, "", nil, access, ""},
		"another key":      {"another secret that is long enough", "", nil, access, "signature"},
		"another identity": {secret, "identity", "x", access, "the answer is for x"},
		"a constant":       {secret, "identity", "x", constant, ""},
		"another time":     {secret, "exp", expires + 1, constant, "expired is not"},
		"a refresh token":  {secret, "type", 1, constant, "not an access token"},
		"no successor":     {secret, "", nil, rotated, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			claims := maps.Clone(good)
			if c.claim != "" {
				claims[c.claim] = c.value
			}
			signed := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
			raw, err := signed.SignedString([]byte(c.key))
			if err != nil {
				t.Fatal(err)
			}
			talk := *talks[0]
			talk.kind, talk.tokens = c.kind, talk.tokens[:1]
			talk.next()
			body := fmt.Sprintf(`{"access_token":%q,"expired":%d}`, raw, expires)
			err = talk.accept(answer{200, []byte(body)})
			if (err == nil) != (c.err == "") ||
				err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("got %v, want %q", err, c.err)
			}
			talk.next()
			if err := talk.accept(answer{200, []byte(`{"access_token":"short"}`)}); err == nil {
				t.Error("a later answer of another length is accepted")
			}
			if err := talk.accept(answer{422, []byte(body)}); err == nil {
				t.Error("another status is accepted")
			}
		})
	}
}

// TestOpenLoopCountsFromWhenARequestWasDue: a server that stalls once delays every request that was
// due meanwhile, not only the one that it received.
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
	defer w.close() //nolint:errcheck // it only ends the test
	w.talk = &dialogue{tokens: []string{"token"}, asked: 1, length: 17}
	if err := how.drive(t.Context(), []*worker{w}, time.Now().Add(length)); err != nil {
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
		r, err := http.ReadRequest(requests)
		if err != nil {
			return
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		time.Sleep(stall)
		const text = "HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n" + `{"access_token":"`
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

func TestPercentile(t *testing.T) {
	var hundred []time.Duration
	for i := range 100 {
		hundred = append(hundred, time.Duration(i+1)*time.Microsecond)
	}
	for p, want := range map[float64]float64{0: 1, 0.01: 1, 0.5: 50, 0.501: 51, 0.99: 99, 1: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("percentile %v is %v, want %v", p, got, want)
		}
	}
}

func TestRatioComparesWithinARound(t *testing.T) {
	r := report{Samples: []sample{
		{Server: floor, Round: 1, Rate: 100}, {Server: refreshd, Round: 1, Rate: 90},
		{Server: refreshd, Round: 2, Rate: 40}, {Server: floor, Round: 2, Rate: 50},
		{Server: floor, Round: 3, Rate: 100},
	}}
	want := spread{Median: 0.85, Lowest: 0.8, Highest: 0.9}
	if got := r.ratio(refreshd, floor, rate); got.format(6) != want.format(6) {
		t.Errorf("got %v, want %v", got, want)
	}
}
