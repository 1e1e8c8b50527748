package edge

import "testing"

func TestCollectorPercent(t *testing.T) {
	for live, want := range map[uint64]int{
		0: 300, 4 << 20: 300, 6 << 20: 200, 12 << 20: 100, 64 << 20: 100, 10 << 30: 100,
	} {
		if got := collectorPercent(live); got != want {
			t.Errorf("collectorPercent(%d MiB) = %d, want %d", live>>20, got, want)
		}
	}
}
