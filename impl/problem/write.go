package problem

import (
	"bytes"
	"encoding/json"
	"math"
	"net/http"
	"strconv"
)

// Recorder is a ResponseWriter that notes the error of a request, for the log.
type Recorder interface {
	RecordError(answer *Error, err error)
}

// Write answers with the envelope of err, and tells the first Recorder among the writers that w
// wraps.
func Write(w http.ResponseWriter, err error) {
	e := Of(err)
	record(w, e, err)
	h := w.Header()
	for _, name := range []string{"Content-Encoding", "Content-Length", "ETag"} {
		h.Del(name) // of the answer that could not be given
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	if e.Description != "" {
		h.Set("Pragma", "no-cache") // as in the examples of RFC 6749, section 5.2
	}
	if e.Challenge != "" {
		h.Set("WWW-Authenticate", e.Challenge)
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	if e.Status == http.StatusRequestEntityTooLarge {
		h.Set("Connection", "close") // the rest of the body is not read
	}
	body, err := encode(e)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // this fails if the client has hung up
}

// encode returns e as JSON. Causes show & as it is, because people read them. The signs < and > stay
// escaped: a cause can contain the name of an unknown field, and no browser may read a tag in it.
func encode(e *Error) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(e); err != nil {
		return nil, err
	}
	text := bytes.ReplaceAll(bytes.TrimSpace(body.Bytes()), []byte("<"), []byte(`\u003c`))
	return bytes.ReplaceAll(text, []byte(">"), []byte(`\u003e`)), nil
}

func record(w http.ResponseWriter, e *Error, err error) {
	for w != nil {
		if r, ok := w.(Recorder); ok {
			r.RecordError(e, err)
			return
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return
		}
		w = wrapper.Unwrap()
	}
}
