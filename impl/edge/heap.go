package edge

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
)

const (
	// heapReserve is how far the heap of a server grows, at least, between two garbage collections.
	// The live memory of a server without revocations is a few MiB: without the reserve, the
	// collector would run hundreds of times a second under load.
	heapReserve = 16 << 20
	// heapEnough is the live memory, with the stacks, from which a server is so large that the
	// reserve matters little. The table of the rate limit alone has 16 MiB.
	heapEnough = 24 << 20
)

// ReserveHeap makes garbage collections rarer until release is called. Go lets the heap grow by as
// much as is live, and counts the reserve as live. No page of the reserve is ever touched, so it
// takes no memory. While other live memory is large, for example because thousands of connections
// are open, there is no reserve. If the operator set GOGC or GOMEMLIMIT, there is none either.
func ReserveHeap() (release func()) {
	// The garbage of the start, buffers of 4 MiB from the migrations, goes back to the system.
	debug.FreeOSMemory()
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	r := &reserve{pages: make([]byte, heapReserve)}
	r.watch()
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.pages, r.released = nil, true
	}
}

// reserve is memory that is never touched.
type reserve struct {
	mu       sync.Mutex
	pages    []byte // nil while there is enough other live memory
	released bool
}

// watch calls adjust after the next garbage collection.
func (r *reserve) watch() {
	type collected struct{ _ *byte } // Go may never clean up small objects without pointers
	runtime.AddCleanup(&collected{}, (*reserve).adjust, r)
}

// adjust drops the reserve or takes a new one, whichever the live memory demands.
func (r *reserve) adjust() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.released {
		return
	}
	memory := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	metrics.Read(memory)
	live := memory[0].Value.Uint64() + memory[1].Value.Uint64()
	switch {
	case live > heapEnough+heapReserve && r.pages != nil:
		r.pages = nil
	case live < heapEnough*3/4 && r.pages == nil:
		r.pages = make([]byte, heapReserve)
	}
	r.watch()
}
