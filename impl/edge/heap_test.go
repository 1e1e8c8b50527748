package edge_test

import (
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/edge"
)

// TestReserveHeap reads the size at which the next collection begins. A variable of the operator
// decides instead of the reserve.
func TestReserveHeap(t *testing.T) {
	for _, variable := range []string{"", "GOGC", "GOMEMLIMIT"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("GOGC", "")
			t.Setenv("GOMEMLIMIT", "")
			if variable != "" {
				t.Setenv(variable, "100")
			}
			before := heapGoal()
			release := edge.ReserveHeap()
			grown := int64(heapGoal()) - int64(before)
			release()
			const reserve = 16 << 20 // the goal contains it twice: it is live, and makes room
			if want := variable == ""; (grown >= 2*reserve-(4<<20)) != want {
				t.Errorf("the heap may grow by %d bytes more, reserve wanted: %t", grown, want)
			}
		})
	}
}

// TestReserveHeapIsDropped: a server with much live memory needs no reserve. It has one again later.
func TestReserveHeapIsDropped(t *testing.T) {
	t.Setenv("GOGC", "")
	t.Setenv("GOMEMLIMIT", "")
	before := heapGoal()
	defer edge.ReserveHeap()()
	grows := func(by int64) {
		t.Helper()
		for end := time.Now().Add(time.Minute); ; {
			grown := int64(heapGoal()) - int64(before)
			if grown-by < 8<<20 && by-grown < 8<<20 {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("the heap may grow by %d bytes more, want about %d", grown, by)
			}
		}
	}
	grows(2 * 16 << 20)
	live := make([]byte, 40<<20)
	grows(2 * 40 << 20)
	runtime.KeepAlive(live)
	grows(2 * 16 << 20)
}

// heapGoal collects twice, which also empties pools, so that only live memory decides.
func heapGoal() uint64 {
	runtime.GC()
	runtime.GC()
	goal := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
	metrics.Read(goal)
	return goal[0].Value.Uint64()
}
