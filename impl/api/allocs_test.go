//go:build !race

package api_test

import (
	"io"
	"testing"
	"time"
)

// TestAllocations counts those of a whole refresh with everything on. (Under the race detector
// pools drop items at random.)
func TestAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(1000, refreshing(t, newServer(t, time.Now, io.Discard))); n > 11 {
		t.Errorf("%v allocations a request", n)
	}
}
