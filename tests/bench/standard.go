//go:build linux

package main

import (
	"bytes"
	"io"
	"net/http"
)

// standard is a caller as most are: Go's own HTTP client over one connection that is kept alive.
type standard struct {
	url       string
	transport *http.Transport
}

func newStandard(address string) *standard {
	return &standard{
		url:       "http://" + address + "/api/v1/refresh",
		transport: &http.Transport{MaxConnsPerHost: 1, DisableCompression: true},
	}
}

// ask sends the body of request, which is a whole one, as the lean client takes it.
func (s *standard) ask(request []byte) (answer, error) {
	_, body, _ := bytes.Cut(request, headEnd)
	r, err := http.NewRequest(http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := s.transport.RoundTrip(r)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	return answer{status: response.StatusCode, body: got}, err
}

// Close ends the connection.
func (s *standard) Close() error {
	s.transport.CloseIdleConnections()
	return nil
}
