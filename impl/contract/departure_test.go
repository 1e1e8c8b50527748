package contract_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

// answer is what the real server is about to say.
type answer struct {
	status int
	header http.Header
	body   string
}

// departing is the real server with its answers changed on the way.
func departing(t *testing.T, change func(r *http.Request, a *answer)) http.Handler {
	t.Helper()
	inner := server.Handler(t, server.Options{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		recorder := httptest.NewRecorder()
		inner.ServeHTTP(recorder, r)
		a := &answer{recorder.Code, recorder.Header(), recorder.Body.String()}
		change(r, a)
		maps.Copy(w.Header(), a.header)
		w.WriteHeader(a.status)
		_, _ = w.Write([]byte(a.body))
	})
}

func replace(from, to string) func(*http.Request, *answer) {
	return func(_ *http.Request, a *answer) { a.body = strings.Replace(a.body, from, to, 1) }
}

func status(from, to int) func(*http.Request, *answer) {
	return func(_ *http.Request, a *answer) {
		if a.status == from {
			a.status = to
			a.body = strings.Replace(a.body, strconv.Itoa(from), strconv.Itoa(to), 1)
		}
	}
}

func TestDepartures(t *testing.T) {
	for _, departure := range []struct {
		name   string
		change func(*http.Request, *answer)
		// exact marks what is noticed only where exactness is promised.
		exact bool
	}{
		{"expired is a second off", func(_ *http.Request, a *answer) {
			if at := strings.Index(a.body, `"expired":`); at >= 0 {
				n, _ := strconv.Atoi(strings.Trim(a.body[at+10:], "}\n"))
				a.body = a.body[:at+10] + strconv.Itoa(n+1) + "}\n"
			}
		}, false},
		{"expired in milliseconds", func(_ *http.Request, a *answer) {
			if a.status == 200 {
				a.body = strings.Replace(a.body, "}\n", "000}\n", 1)
			}
		}, false},
		{"access_token renamed", replace("access_token", "token"), false},
		{"expired in quotes", func(_ *http.Request, a *answer) {
			if strings.Contains(a.body, `"expired":`) {
				a.body = strings.Replace(strings.Replace(a.body, `"expired":`, `"expired":"`, 1), "}\n", "\"}\n", 1)
			}
		}, false},
		{"401 for 421", status(421, 401), false},
		{"400 for 422", status(422, 400), false},
		{"422 for 421", status(421, 422), false},
		{"400 for 413", status(413, 400), false},
		{"400 for 415", status(415, 400), false},
		{"404 for 405", status(405, 404), false},
		{"503 for 400", status(400, 503), false},
		{"another kind", replace("jwt_error", "token_error"), false},
		{"a fifth field", replace(`{"status":4`, `{"code":1,"status":4`), false},
		{"causes null", func(_ *http.Request, a *answer) {
			if at := strings.Index(a.body, `"causes":`); at >= 0 {
				a.body = a.body[:at] + `"causes":null}`
			}
		}, false},
		{"status copied wrongly", replace(`"status":422`, `"status":421`), false},
		{"errors as text", func(_ *http.Request, a *answer) {
			if a.status >= 400 {
				a.header.Set("Content-Type", "text/plain")
			}
		}, false},
		{"no Cache-Control", func(_ *http.Request, a *answer) { a.header.Del("Cache-Control") }, false},
		{"no X-Request-Id", func(_ *http.Request, a *answer) { a.header.Del("X-Request-Id") }, false},
		{"no Allow", func(_ *http.Request, a *answer) { a.header.Del("Allow") }, false},
		{"a value echoed", func(_ *http.Request, a *answer) {
			if a.status == 400 {
				a.body = strings.Replace(a.body, `"causes":["`, `"causes":["sesame-7f3a `, 1)
			}
		}, false},
		{"another sentence in the 421", replace("token has expired", "the token has expired"), false},
		{"a space in the 421", replace(`"status":421,`, `"status":421, `), true},
		{"another cause", replace("signature is invalid", "bad signature"), true},
		{"another message", replace("Request is not valid", "Bad request"), true},
	} {
		t.Run(departure.name, func(t *testing.T) {
			target := contract.Target{URL: server.Serve(t, departing(t, departure.change)), Secret: []byte(server.Secret)}
			if breach := suite(t).Quick().FirstBreach(t.Context(), target); (breach == "") != departure.exact {
				t.Errorf("judged as a foreign deployment: %q", breach)
			}
			target.Exact = true
			if departure.exact && suite(t).Quick().FirstBreach(t.Context(), target) == "" {
				t.Error("not noticed where exactness is promised")
			}
		})
	}
}

var aToken = regexp.MustCompile(`eyJ[\w-]+\.[\w-]+\.[\w-]*`)

// TestReportsHoldNoToken judges a server that repeats what it was sent, in every place where a report quotes an answer.
func TestReportsHoldNoToken(t *testing.T) {
	var mu sync.Mutex
	var sent []string
	target := contract.Target{Secret: []byte(server.Secret), Exact: true, URL: server.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body bytes.Buffer
		_, _ = body.ReadFrom(r.Body)
		mu.Lock()
		defer mu.Unlock()
		for _, token := range aToken.FindAllString(body.String()+r.Header.Get("Authorization"), -1) {
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
		_, _ = w.Write([]byte(`{"status":418,"message":` + string(quoted) + `,"error":` + string(quoted) + `,"causes":[` + string(quoted) + `],` + string(quoted) + `:1}`))
	}))}
	report := suite(t).Quick().Run(t.Context(), target)
	var text, junit, asJSON bytes.Buffer
	for _, err := range []error{report.WriteText(&text), report.WriteJUnit(&junit), report.WriteJSON(&asJSON)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(sent) < 100 {
		t.Fatalf("only %d pieces of tokens were sent", len(sent))
	}
	for name, out := range map[string]string{"text": text.String(), "junit": junit.String(), "json": asJSON.String()} {
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
	target := contract.Target{URL: server.Serve(t, departing(t, status(421, 401))), Secret: []byte(server.Secret)}
	report := suite(t).Quick().Run(t.Context(), target)
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
			"BREACH expired/sample", "-> status is 401, want 421", "BREACH refreshToken 421: no case produced status 421",
			"refreshToken 500: cannot be provoked from outside", "The contract is BROKEN", "left out: only refreshd promises this",
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
		if suites.Tests != len(report.Results)+len(report.Coverage) || suites.Failures != broken || suites.Skipped <= left {
			t.Errorf("%+v does not match %d kept, %d broken, %d left out", suites, kept, broken, left)
		}
	})
	t.Run("json", func(t *testing.T) {
		var out bytes.Buffer
		if err := report.WriteJSON(&out); err != nil {
			t.Fatal(err)
		}
		var back contract.Report
		if err := json.Unmarshal(out.Bytes(), &back); err != nil || back.Kept() || len(back.Results) != len(report.Results) {
			t.Errorf("the report cannot be read back: %v", err)
		}
	})
}
