// Package lines bounds how many lines are written of one kind, so that a client cannot fill a log.
package lines

import (
	"sync"
	"time"
)

// PerSecond is how many lines of one kind are written in a second.
const PerSecond = 10

// Bound counts lines by their kind. The kinds must be few, because none is forgotten. The zero value
// is ready, and safe for concurrent use.
type Bound[K comparable] struct {
	mu    sync.Mutex
	kinds map[K]*count
}

// count counts the lines of one kind in one second.
type count struct {
	second           int64
	written, leftOut int
}

// Next reports whether a line may be written now, and how many of its kind were left out since the
// last one.
func (b *Bound[K]) Next(kind K, now time.Time) (write bool, leftOut int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.kinds == nil {
		b.kinds = map[K]*count{}
	}
	c := b.kinds[kind]
	if c == nil {
		c = &count{}
		b.kinds[kind] = c
	}
	if second := now.Unix(); second != c.second {
		c.second, c.written = second, 0
	}
	if c.written >= PerSecond {
		c.leftOut++
		return false, 0
	}
	c.written++
	leftOut, c.leftOut = c.leftOut, 0
	return true, leftOut
}
