package contract_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/tests/server"
)

// answer is the real server's answer, before it is changed.
type answer struct {
	status int
	header http.Header
	body   string
}

type change func(r *http.Request, a *answer)

// departing is the real server with its answers changed on the way.
func departing(t *testing.T, change change) http.Handler {
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

// noticed returns the first breach of a new server whose answers are changed, or "".
func noticed(t *testing.T, change change, level contract.Level) string {
	t.Helper()
	return suite(t).Quick().FirstBreach(t.Context(), contract.Target{
		URL:    server.Serve(t, departing(t, change)),
		Secret: []byte(server.Secret),
		Level:  level,
	})
}

func replace(from, to string) change {
	return func(_ *http.Request, a *answer) { a.body = strings.Replace(a.body, from, to, 1) }
}

func status(from, to int) change {
	return func(_ *http.Request, a *answer) {
		if a.status == from {
			a.status = to
			a.body = strings.Replace(a.body, strconv.Itoa(from), strconv.Itoa(to), 1)
		}
	}
}

// field rewrites the value of a field, up to the end of the body.
func field(name string, rewrite func(value string) string) change {
	return func(_ *http.Request, a *answer) {
		if before, value, found := strings.Cut(a.body, `"`+name+`":`); found {
			a.body = before + `"` + name + `":` + rewrite(value)
		}
	}
}

func header(name, value string) change {
	return func(_ *http.Request, a *answer) {
		if a.header.Del(name); value != "" {
			a.header.Set(name, value)
		}
	}
}

// expiredIn rewrites the number in expired, the last field of a 200.
func expiredIn(rewrite func(seconds int) string) change {
	return field("expired", func(value string) string {
		seconds, _ := strconv.Atoi(strings.Trim(value, "}\n"))
		return rewrite(seconds) + "}\n"
	})
}

// rewrittenClaims rewrites the claims of the access token and signs them again.
func rewrittenClaims(from, to string) change {
	return field("access_token", func(value string) string {
		token, rest, _ := strings.Cut(strings.TrimPrefix(value, `"`), `"`)
		parts := strings.Split(token, ".")
		claims, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err != nil {
			return value
		}
		changed := strings.Replace(string(claims), from, to, 1)
		input := parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(changed))
		mac := hmac.New(sha256.New, []byte(server.Secret))
		mac.Write([]byte(input))
		return `"` + input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)) + `"` + rest
	})
}

// TestDepartures changes one thing in the answers of the real server at a time.
func TestDepartures(t *testing.T) {
	failed := func(change change) change {
		return func(r *http.Request, a *answer) {
			if a.status >= 400 {
				change(r, a)
			}
		}
	}
	for name, change := range map[string]change{
		"expired is a second off": expiredIn(func(n int) string { return strconv.Itoa(n + 1) }),
		"expired in milliseconds": expiredIn(func(n int) string {
			return strconv.Itoa(n) + "000"
		}),
		"expired in quotes": expiredIn(func(n int) string {
			return strconv.Quote(strconv.Itoa(n))
		}),
		"access_token renamed":        replace("access_token", "token"),
		"401 for 421":                 status(421, 401),
		"400 for 422":                 status(422, 400),
		"422 for 421":                 status(421, 422),
		"400 for 413":                 status(413, 400),
		"400 for 415":                 status(415, 400),
		"404 for 405":                 status(405, 404),
		"503 for 400":                 status(400, 503),
		"another kind":                replace("jwt_error", "token_error"),
		"a fifth field":               replace(`{"status":4`, `{"code":1,"status":4`),
		"causes null":                 field("causes", func(string) string { return "null}" }),
		"status copied wrongly":       replace(`"status":422`, `"status":421`),
		"errors as text":              failed(header("Content-Type", "text/plain")),
		"no Cache-Control":            header("Cache-Control", ""),
		"no X-Request-Id":             header("X-Request-Id", ""),
		"no Allow":                    header("Allow", ""),
		"no WWW-Authenticate":         header("WWW-Authenticate", ""),
		"a field more":                replace(`{"access_token"`, `{"more":1,"access_token"`),
		"a value echoed":              replace(`"causes":["`, `"causes":["sesame-7f3a `),
		"another sentence in the 421": replace("token has expired", "the token has expired"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if noticed(t, change, contract.LevelFull) == "" {
				t.Error("no case notices it")
			}
		})
	}
}

// TestExactDepartures: other servers need not promise these things.
func TestExactDepartures(t *testing.T) {
	for name, change := range map[string]change{
		"a space in the 421": replace(`"status":421,`, `"status":421, `),
		"another cause":      replace("signature is invalid", "bad signature"),
		"another message":    replace("Request is not valid", "Bad request"),
		"a field in a page":  replace(`"sequence":`, `"more":1,"sequence":`),
		"a header more":      header("X-More", "1"),
		"2.50 becomes 2.5":   rewrittenClaims("2.50", "2.5"),
		"2^53+1 is rounded":  rewrittenClaims("9007199254740993", "9007199254740992"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if breach := noticed(t, change, contract.LevelFull); breach != "" {
				t.Errorf("judged as another server: %q", breach)
			}
			if noticed(t, change, contract.LevelExact) == "" {
				t.Error("no case notices it at the exact level")
			}
		})
	}
}

// TestNoDeparture: a row that changes nothing must fail the tests above.
func TestNoDeparture(t *testing.T) {
	nothing := func(*http.Request, *answer) {}
	for _, level := range []contract.Level{contract.LevelPage, contract.LevelFull,
		contract.LevelExact} {
		if breach := noticed(t, nothing, level); breach != "" {
			t.Errorf("level %s: unchanged answers break the contract: %s", level, breach)
		}
	}
}

// TestEveryCaseCanFail runs the cases against a server whose every answer is an envelope with a
// status that no case wants.
func TestEveryCaseCanFail(t *testing.T) {
	const body = `{"status":418,"message":"No","error":"teapot","causes":["none"]}`
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Request-Id", "1")
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(body))
	})
	for _, c := range configurations() {
		target := c.target(t)
		target.URL = server.Serve(t, handler)
		for fault := range target.Broken {
			target.Broken[fault] = target.URL
		}
		for _, result := range suite(t).Run(t.Context(), target).Results {
			own := 0
			for _, breach := range result.Breaches {
				if !strings.HasPrefix(breach.Cause, "an answer departs from the document") {
					own++
				}
			}
			if result.LeftOut == "" && own == 0 {
				t.Errorf("%s is kept by a server that never gives the right answer", result.Name)
			}
		}
	}
}
