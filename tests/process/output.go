// Package process runs programs for tests. They end with the tests, whatever ends those, and what they write can be read meanwhile.
package process

import (
	"bytes"
	"sync"
)

// Output is what a process, or a logger, has written. It can be read while more is written. The zero value is empty.
type Output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (o *Output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

// String returns all that was written so far.
func (o *Output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}
