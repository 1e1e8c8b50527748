//go:build linux

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

func TestLeanClient(t *testing.T) {
	for name, c := range map[string]struct {
		raw    string
		status int
		body   string
	}{
		"an answer":         {"HTTP/1.1 200 OK\r\nX: y\r\nContent-Length: 2\r\n\r\nok", 200, "ok"},
		"an empty body":     {"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", 204, ""},
		"no length":         {"HTTP/1.1 200 OK\r\n\r\nContent-Length: 1\r\n\r\n", 0, ""},
		"a negative length": {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, ""},
		"another protocol":  {"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", 0, ""},
		"no number":         {"HTTP/1.1 2x0 OK\r\nContent-Length: 0\r\n\r\n", 0, ""},
		"cut off":           {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", 0, ""},
		"too much":          {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok!", 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := worker{in: bufio.NewReader(strings.NewReader(c.raw))}
			got, err := client.receive()
			if (err == nil) != (c.status > 0) ||
				err == nil && (got.status != c.status || string(got.body) != c.body) {
				t.Errorf("got %d %q, %v", got.status, got.body, err)
			}
		})
	}
}

func TestAnswersAreChecked(t *testing.T) {
	const secret = "a secret of the test that is long enough"
	signer := newSigner(secret)
	talks := signer.logins(access, 1)
	expires := time.Now().Add(limit).Unix()
	for name, c := range map[string]struct {
		key   string
		claim string
		value any
		kind  answers
		err   string
	}{
		"good":             {secret, "name", "x", access, ""},
		"another key":      {"another secret that is long enough", "name", "x", access, "signature"},
		"another identity": {secret, "identity", "x", access, "the answer is for x"},
		"a constant":       {secret, "identity", "x", constant, ""},
		"another time":     {secret, "exp", expires + 1, access, "expired is not"},
		"a refresh token":  {secret, "type", 1, access, "not an access token"},
		"no successor":     {secret, "name", "x", rotated, "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			claims := jwt.MapClaims{
				"identity": "someone.000000@kalsel.example",
				"type":     0,
				"exp":      expires,
			}
			claims[c.claim] = c.value
			signed := jwt.NewWithClaims(jwt.SigningMethodHS256, claims)
			raw, err := signed.SignedString([]byte(c.key))
			if err != nil {
				t.Fatal(err)
			}
			talk := dialogue{kind: c.kind, verify: signer.verify, tokens: talks[0].tokens[:1]}
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
	w, err := dial(listener.Addr().String(), true)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.talk = &dialogue{tokens: []string{"token"}, asked: 1, length: 17}
	err = openLoop(1000).drive(t.Context(), []*worker{w}, time.Now().Add(length))
	if err != nil {
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
	of := func(server string, round int, rate float64) sample {
		return sample{Server: server, Round: round, Figures: map[string]float64{requestRate: rate}}
	}
	r := report{Samples: []sample{
		of(floor, 1, 100), of(refreshd, 1, 90), of(refreshd, 2, 40), of(floor, 2, 50),
		of(floor, 3, 100),
	}}
	want := spread{Median: 0.85, Lowest: 0.8, Highest: 0.9}
	if got := r.ratio(refreshd, floor, requestRate); got.format(6) != want.format(6) {
		t.Errorf("got %v, want %v", got, want)
	}
}
