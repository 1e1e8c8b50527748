package edge

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// CollectLessOften lets the heap of a server grow further between two garbage collections, until
// ctx ends. The live memory of such a server is a few MiB, so that with Go's default the collector
// would run hundreds of times a second under load. If the operator set GOGC, it stays as it is.
//
// The garbage of the start is returned to the system first, or the heap might grow to several times
// its size: the buffers of the migrations, 4 MiB each, are in a pool, and two collections empty it.
func CollectLessOften(ctx context.Context) {
	runtime.GC()
	debug.FreeOSMemory() // also collects
	if os.Getenv("GOGC") != "" {
		return
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	for {
		metrics.Read(live)
		debug.SetGCPercent(collectorPercent(live[0].Value.Uint64()))
		select {
		case <-ctx.Done():
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// collectorPercent returns GOGC for so many live bytes: 300 for a server without revocations, and
// less for more bytes, down to Go's default, so that a million revocations do not multiply in
// memory.
func collectorPercent(live uint64) int {
	const room = 12 << 20
	return int(min(300, max(100, 100*room/max(live, 1))))
}
