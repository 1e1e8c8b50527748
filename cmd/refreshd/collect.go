package main

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// collectLessOften gives the garbage collector the room that a server of this kind has to spare, until ctx ends: its live memory is a
// few MiB, and Go's default would collect hundreds of times a second under load. An operator's GOGC is left alone.
//
// What the start leaves behind goes first, or the heap might grow to several times as much: the migrations' buffers of 4 MiB each are
// in a pool, which it takes two collections to empty.
func collectLessOften(ctx context.Context) {
	runtime.GC()
	debug.FreeOSMemory() // collects too
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

// collectorPercent is GOGC for so many live bytes: 300 for those of a server without revocations, and less with more, down to Go's
// default, so that a million revocations do not bring several times their size with them.
func collectorPercent(live uint64) int {
	const room = 12 << 20
	return int(min(300, max(100, 100*room/max(live, 1))))
}
