package edge

import (
	"os"
	"runtime"
	"runtime/debug"
)

// heapReserve is how far the heap of a server grows, at least, between two garbage collections. The
// live memory of a server without revocations is a few MiB: without the reserve, the collector
// would run hundreds of times a second under load.
const heapReserve = 16 << 20

// ReserveHeap makes garbage collections rarer until release is called. Go lets the heap grow by as
// much as is live, and counts the reserve as live. No page of the reserve is ever touched, so it
// takes no memory. The more is live, the less the reserve matters. If the operator set GOGC or
// GOMEMLIMIT, there is no reserve.
func ReserveHeap() (release func()) {
	// The garbage of the start, buffers of 4 MiB from the migrations, goes back to the system.
	debug.FreeOSMemory()
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	reserve := make([]byte, heapReserve)
	return func() { runtime.KeepAlive(reserve) }
}
