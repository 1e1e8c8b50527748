package api_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestHeadersOfABody(t *testing.T) {
	h := newServer(t, time.Now, io.Discard)
	text := body(t, map[string]any{"refresh_token": refreshToken(t, sample(time.Now().Add(time.Hour)))})
	const json = "application/json"
	const coding = "Content-Encoding: must be absent; send the JSON as it is"
	for name, c := range map[string]struct {
		types, codings []string
		want           int
		cause          string
	}{
		"JSON":                        {types: []string{json}, want: 200},
		"any case, UTF-8":             {types: []string{`APPLICATION/json ; charset="UTF-8"`}, want: 200},
		"nothing after the semicolon": {types: []string{json + ";"}, want: 200},
		"identity":                    {types: []string{json}, codings: []string{"Identity"}, want: 200},
		"none":                        {want: 415, cause: "Content-Type: must be application/json"},
		"empty":                       {types: []string{""}, want: 415, cause: "Content-Type: must be application/json"},
		"twice":                       {types: []string{json, "text/plain"}, want: 415, cause: "Content-Type: must be sent once"},
		"twice the same":              {types: []string{json, json}, want: 415, cause: "Content-Type: must be sent once"},
		"a list":                      {types: []string{json + ", text/plain"}, want: 415, cause: "Content-Type: must be application/json"},
		"another parameter":           {types: []string{json + "; charset=utf-8; version=2"}, want: 415, cause: "Content-Type: must be application/json; it cannot have the parameter version"},
		"not a media type":            {types: []string{json + "; charset"}, want: 415, cause: "Content-Type: must be application/json; its parameters cannot be read"},
		"another charset": {
			types: []string{json + "; charset=utf8"}, want: 415,
			cause: "Content-Type: must be application/json; its charset can only be utf-8",
		},
		"a long parameter": {
			types: []string{json + "; " + strings.Repeat("a", 17) + "=1"}, want: 415,
			cause: "Content-Type: must be application/json; it can have no parameter but charset",
		},
		"compressed":              {types: []string{json}, codings: []string{"gzip"}, want: 415, cause: coding},
		"compressed, said second": {types: []string{json}, codings: []string{"identity", "gzip"}, want: 415, cause: coding},
		"compressed, in a list":   {types: []string{json}, codings: []string{"identity, gzip"}, want: 415, cause: coding},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", strings.NewReader(text))
			r.Header["Content-Type"], r.Header["Content-Encoding"] = c.types, c.codings
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			explained := strings.Contains(w.Body.String(), `"causes":["`+c.cause+`"]`)
			if w.Code != c.want || !explained && c.want != 200 {
				t.Errorf("got %d %s, want %d and %q", w.Code, w.Body, c.want, c.cause)
			}
		})
	}
}
