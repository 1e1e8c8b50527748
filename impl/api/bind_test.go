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
	for name, c := range map[string]struct {
		types, codings []string
		want           int
	}{
		"JSON":                        {types: []string{json}, want: 200},
		"any case, UTF-8":             {types: []string{`APPLICATION/json ; charset="UTF-8"`}, want: 200},
		"nothing after the semicolon": {types: []string{json + ";"}, want: 200},
		"identity":                    {types: []string{json}, codings: []string{"Identity"}, want: 200},
		"none":                        {want: 415},
		"empty":                       {types: []string{""}, want: 415},
		"twice":                       {types: []string{json, "text/plain"}, want: 415},
		"twice the same":              {types: []string{json, json}, want: 415},
		"a list":                      {types: []string{json + ", text/plain"}, want: 415},
		"another parameter":           {types: []string{json + "; charset=utf-8; version=2"}, want: 415},
		"not a media type":            {types: []string{json + "; charset"}, want: 415},
		"compressed":                  {types: []string{json}, codings: []string{"gzip"}, want: 415},
		"compressed, said second":     {types: []string{json}, codings: []string{"identity", "gzip"}, want: 415},
		"compressed, in a list":       {types: []string{json}, codings: []string{"identity, gzip"}, want: 415},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", strings.NewReader(text))
			r.Header["Content-Type"], r.Header["Content-Encoding"] = c.types, c.codings
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.want)
			}
		})
	}
}
