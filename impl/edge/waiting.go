package edge

import (
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"
)

// waiting estimates how many requests wait for a processor. They have not reached the edge, so it
// cannot count them: if the processors are the bottleneck, the queue forms in Go's scheduler. By
// Little's law as many requests wait as arrive during the time for which a goroutine waits, and the
// runtime measures that time. The zero value is ready.
type waiting struct {
	arrived atomic.Int64 // since the last estimate
	current atomic.Int64 // the estimate that is in force

	mu     sync.Mutex // held during an estimate
	due    atomic.Int64
	at     time.Time // of the last estimate
	last   int64     // the last estimate
	sample []metrics.Sample
	counts []uint64 // of the runtime's histogram at the last estimate
}

// estimateEvery is how often waiting makes an estimate. It costs a few microseconds.
const estimateEvery = 10 * time.Millisecond

// count notes that a request has arrived, and returns how many others wait.
func (w *waiting) count(now time.Time) int64 {
	w.arrived.Add(1)
	if now.UnixNano() > w.due.Load() && w.mu.TryLock() {
		defer w.mu.Unlock()
		w.due.Store(now.Add(estimateEvery).UnixNano())
		estimate := w.estimate(now)
		// After a moment without a processor, all that waited meanwhile shows in one estimate.
		w.current.Store(min(estimate, w.last))
		w.last = estimate
	}
	return w.current.Load()
}

// estimate returns the number of requests that waited since the last estimate.
func (w *waiting) estimate(now time.Time) int64 {
	arrived, elapsed := w.arrived.Swap(0), now.Sub(w.at)
	w.at = now
	if w.sample == nil {
		w.sample = []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	}
	metrics.Read(w.sample)
	if w.sample[0].Value.Kind() != metrics.KindFloat64Histogram {
		return 0 // this version of Go does not measure it
	}
	histogram := w.sample[0].Value.Float64Histogram()
	if w.counts == nil {
		w.counts = make([]uint64, len(histogram.Counts))
	}
	var goroutines uint64
	var seconds float64
	for i, count := range histogram.Counts {
		if more := count - w.counts[i]; more > 0 {
			goroutines += more
			seconds += float64(more) * max(histogram.Buckets[i], 0) // the first one is -Inf
			w.counts[i] = count
		}
	}
	if goroutines == 0 {
		return 0
	}
	return int64(float64(arrived) / elapsed.Seconds() * seconds / float64(goroutines))
}
