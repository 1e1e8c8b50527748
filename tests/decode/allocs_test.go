//go:build !race

package decode_test

import (
	"testing"

	"kalsel.dev/refresh/gen"
)

// TestAllocations counts the copy of the token and the limit. (Under the race detector pools drop items at random.)
func TestAllocations(t *testing.T) {
	body := []byte(sample)
	allocations := testing.AllocsPerRun(1000, func() {
		var request gen.RefreshRequest
		if err := request.DecodeStrict(body); err != nil {
			t.Fatal(err)
		}
	})
	if allocations > 2 {
		t.Errorf("%v allocations a body", allocations)
	}
}
