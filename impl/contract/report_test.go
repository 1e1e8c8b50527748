package contract_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

var aToken = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]*`)

// TestReportsHoldNoToken judges a server that repeats the request in its answers, in every place
// where a report quotes an answer.
func TestReportsHoldNoToken(t *testing.T) {
	var mu sync.Mutex
	var sent []string
	echo := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		mu.Lock()
		defer mu.Unlock()
		for _, token := range aToken.FindAllString(body.String()+r.Header.Get("Authorization"),
			-1) {
			for part := range strings.SplitSeq(token, ".") {
				if len(part) > 10 {
					sent = append(sent, part)
				}
			}
		}
		quoted, _ := json.Marshal(body.String())
		w.Header().Set("X-Request-Id", body.String()[:min(200, body.Len())])
		w.Header().Set("Cache-Control", "x "+strings.Map(printable, body.String()))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write(
			[]byte(
				`{"status":418,"message":` + string(
					quoted,
				) + `,"error":` + string(
					quoted,
				) + `,"causes":[` + string(
					quoted,
				) + `],` + string(
					quoted,
				) + `:1}`,
			),
		)
	})
	target := contract.Target{
		URL:    server.Serve(t, echo),
		Secret: []byte(server.Secret),
		Level:  contract.LevelExact,
	}
	report := suite(t).Quick().Run(t.Context(), target)
	var text, junit, asJSON bytes.Buffer
	for _, err := range []error{report.WriteText(&text), report.WriteJUnit(&junit),
		report.WriteJSON(&asJSON)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sent) < 100 {
		t.Fatalf("only %d pieces of tokens were sent", len(sent))
	}
	for name, out := range map[string]string{
		"text":  text.String(),
		"junit": junit.String(),
		"json":  asJSON.String(),
	} {
		for _, piece := range sent {
			if strings.Contains(out, piece) {
				t.Fatalf("the %s report holds a piece of a token: %s", name, piece)
			}
		}
	}
}

func printable(c rune) rune {
	if c < ' ' || c > '~' {
		return -1
	}
	return c
}

func TestReportFormats(t *testing.T) {
	report := suite(t).Quick().Run(t.Context(), contract.Target{
		URL:    server.Serve(t, departing(t, status(421, 401))),
		Secret: []byte(server.Secret),
	})
	kept, broken, left := report.Counts()
	if kept < 50 || broken < 2 || left < 1 {
		t.Fatalf("%d kept, %d broken, %d left out", kept, broken, left)
	}
	t.Run("text", func(t *testing.T) {
		var out strings.Builder
		if err := report.WriteText(&out); err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{
			"the status must be 421 and is 401\n", "in refreshToken/expired/sample, ",
			"1× no answer had status 421, which the contract declares for refreshToken",
			"refreshToken 500: cannot be provoked from outside", "The contract is BROKEN",
			"× only refreshd promises this",
		} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("the report lacks %q", want)
			}
		}
	})
	t.Run("junit", func(t *testing.T) {
		var out bytes.Buffer
		if err := report.WriteJUnit(&out); err != nil {
			t.Fatal(err)
		}
		var suites struct {
			Tests    int `xml:"tests,attr"`
			Failures int `xml:"failures,attr"`
			Skipped  int `xml:"skipped,attr"`
		}
		if err := xml.Unmarshal(out.Bytes(), &suites); err != nil {
			t.Fatal(err)
		}
		if suites.Tests != len(report.Results)+len(report.Coverage) || suites.Failures != broken ||
			suites.Skipped <= left {
			t.Errorf(
				"%+v does not match %d kept, %d broken, %d left out",
				suites,
				kept,
				broken,
				left,
			)
		}
	})
	t.Run("json", func(t *testing.T) {
		var out bytes.Buffer
		if err := report.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		var back contract.Report
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Kept() ||
			len(back.Results) != len(report.Results) {
			t.Errorf("the report cannot be read back: %v", err)
		}
	})
}

// TestWorstFirst: a server that lacks two headers everywhere gets a short report that begins with
// the causes that most cases have.
func TestWorstFirst(t *testing.T) {
	bare := func(r *http.Request, a *answer) {
		a.header.Del("X-Request-Id")
		if r.Method == http.MethodPost {
			a.header.Del("Cache-Control")
		}
	}
	report := suite(t).Quick().Run(t.Context(), contract.Target{
		URL:    server.Serve(t, departing(t, bare)),
		Secret: []byte(server.Secret),
	})
	kept, broken, _ := report.Counts()
	causes := report.Causes()
	if kept > 0 || len(causes) != 2 || len(causes[0].Cases) != broken ||
		!strings.Contains(causes[0].Cause, "X-Request-Id") {
		t.Fatalf("%d kept, %d broken, causes: %+v", kept, broken, causes)
	}
	var out strings.Builder
	if err := report.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(out.String(), "\n"); lines > 200 {
		t.Errorf("the report has %d lines:\n%s", lines, out.String())
	}
}
