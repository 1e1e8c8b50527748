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
	good := refreshToken(t, sample(time.Now().Add(time.Hour)))
	text := body(t, map[string]any{"refresh_token": good})
	const (
		json   = "application/json"
		must   = "Content-Type: must be application/json"
		once   = "Content-Type: must be sent once"
		coding = "Content-Encoding: must be absent; send the body as it is"
	)
	for name, c := range map[string]struct {
		types, codings []string
		cause          string // of a 415; empty: 200
	}{
		"JSON":                        {[]string{json}, nil, ""},
		"any case, UTF-8":             {[]string{`APPLICATION/json ; charset="UTF-8"`}, nil, ""},
		"nothing after the semicolon": {[]string{json + ";"}, nil, ""},
		"identity":                    {[]string{json}, []string{"Identity"}, ""},
		"none":                        {nil, nil, must},
		"empty":                       {[]string{""}, nil, must},
		"another":                     {[]string{"text/plain"}, nil, must},
		"a list":                      {[]string{json + ", text/plain"}, nil, must},
		"twice":                       {[]string{json, "text/plain"}, nil, once},
		"twice the same":              {[]string{json, json}, nil, once},
		"another parameter": {
			[]string{json + "; charset=utf-8; version=2"}, nil,
			must + "; it cannot have the parameter version",
		},
		"a long parameter": {
			[]string{json + "; " + strings.Repeat("a", 17) + "=1"}, nil,
			must + "; it can have no parameter but charset",
		},
		"another charset": {
			[]string{json + "; charset=utf8"}, nil, must + "; its charset can only be utf-8",
		},
		"not a media type": {
			[]string{json + "; charset"}, nil, must + "; its parameters cannot be read",
		},
		"compressed":              {[]string{json}, []string{"gzip"}, coding},
		"compressed, said second": {[]string{json}, []string{"identity", "gzip"}, coding},
		"compressed, in a list":   {[]string{json}, []string{"identity, gzip"}, coding},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", strings.NewReader(text))
			r.Header["Content-Type"], r.Header["Content-Encoding"] = c.types, c.codings
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			want, content := http.StatusOK, `{"access_token":"`
			if c.cause != "" {
				want, content = http.StatusUnsupportedMediaType, `"causes":["`+c.cause+`"]`
			}
			if w.Code != want || !strings.Contains(w.Body.String(), content) {
				t.Errorf("got %d %s, want %d and %s", w.Code, w.Body, want, content)
			}
		})
	}
}
