package api_test

import (
	"encoding/json"
	"flag"
	"io"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the answers into testdata/corpus")

// TestCorpusOfBodies sends the bodies of testdata/corpus/bodies.txt, in their order, to one server.
// No answer repeats the token.
func TestCorpusOfBodies(t *testing.T) {
	const path = "testdata/corpus/bodies.txt"
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h := newServer(t, time.Now, io.Discard)
	claims := sample(time.Now().Add(time.Hour))
	claims["jti"] = "the session of the corpus"
	token := refreshToken(t, claims)
	cases := strings.Split(strings.TrimSpace(string(data)), "\n\n")
	for i, c := range cases[1:] {
		lines := strings.SplitN(c, "\n", 4)
		if len(lines) != 4 {
			t.Fatalf("a case of %d lines, want at least 4:\n%s", len(lines), c)
		}
		text, err := strconv.Unquote(lines[2])
		if err != nil {
			t.Fatalf("%s: the body is no Go string: %v", lines[0], err)
		}
		method, rest, _ := strings.Cut(lines[1], " ")
		route, media, _ := strings.Cut(rest, " ")
		body := strings.ReplaceAll(text, "TOKEN", token)
		r := httptest.NewRequest(method, route, strings.NewReader(body))
		media, compressed := strings.CutSuffix(media, " gzip")
		if compressed {
			r.Header.Set("Content-Encoding", "gzip")
		}
		if media != "" {
			r.Header.Set("Content-Type", media)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		got := strings.Join(append([]string{strconv.Itoa(w.Code)}, causesOf(t, w)...), "\n")
		if got != lines[3] {
			t.Errorf("%s\ngot  %s\nwant %s", lines[0], got, lines[3])
		}
		for part := range strings.SplitSeq(token, ".") {
			if w.Code >= 400 && strings.Contains(w.Body.String(), part) {
				t.Errorf("%s\nthe answer repeats a part of the token", lines[0])
			}
		}
		cases[i+1] = strings.Join(append(lines[:3], got), "\n")
	}
	if *update {
		if err := os.WriteFile(path, []byte(strings.Join(cases, "\n\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// causesOf returns the causes of an answer as they were sent, escapes included.
func causesOf(t *testing.T, w *httptest.ResponseRecorder) (causes []string) {
	t.Helper()
	var envelope struct {
		Causes []json.RawMessage `json:"causes"`
	}
	if w.Body.Len() == 0 || w.Code < 400 {
		return nil
	}
	if err := json.Unmarshal(w.Body.Bytes(), &envelope); err != nil {
		t.Fatal(err)
	}
	for _, cause := range envelope.Causes {
		causes = append(causes, strings.Trim(string(cause), `"`))
	}
	return causes
}
