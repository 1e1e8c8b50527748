package edge

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

// A client that sends requests and never reads an answer is cut off, though each answer is small.
func TestServersCutOffClientsThatDoNotRead(t *testing.T) {
	limits := DefaultLimits()
	limits.Write = 500 * time.Millisecond
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(make([]byte, largeAnswer/2))
	}, limits)
	request := strings.Repeat("GET / HTTP/1.1\r\nHost: x\r\n\r\n", 100)
	conn := say(t, address, request)
	var err error
	for err == nil { // until the buffers are full, and then until the server closes the connection
		_, err = conn.Write([]byte(request))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server still waits for the client")
	}
}
