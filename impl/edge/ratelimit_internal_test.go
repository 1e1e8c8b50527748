package edge

import (
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func testLimiter(perSecond float64, burst int) *limiter {
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "n"})
	return newLimiter(RateLimit{PerSecond: perSecond, Burst: burst}, counter)
}

func TestRateLimit(t *testing.T) {
	l := testLimiter(2, 3)
	at := l.began
	a := netip.MustParseAddr("192.0.2.1")
	for i := range 3 {
		if wait := l.wait(a, at); wait != 0 {
			t.Fatalf("request %d of the burst waits %v", i, wait)
		}
	}
	if wait := l.wait(a, at); wait != 500*time.Millisecond {
		t.Errorf("the request after the burst waits %v", wait)
	}
	if wait := l.wait(netip.MustParseAddr("192.0.2.2"), at); wait != 0 {
		t.Errorf("another client waits %v", wait)
	}
	at = at.Add(500 * time.Millisecond)
	if first, second := l.wait(a, at), l.wait(a, at); first != 0 || second == 0 {
		t.Errorf("after half a second: %v, then %v", first, second)
	}
	at = at.Add(time.Hour)
	for range 3 {
		if wait := l.wait(a, at); wait != 0 {
			t.Errorf("after an hour a burst waits %v", wait)
		}
	}
	if l.wait(a, at) == 0 {
		t.Error("an hour of silence allows more than a burst")
	}
}

// All addresses of a /64 belong to one subscriber.
func TestRateLimitCountsNetworksOfIPv6(t *testing.T) {
	l := testLimiter(1, 1)
	for address, limited := range map[string]bool{
		"2001:db8:0:1::2": true, "2001:db8:0:1:ffff::": true, "2001:db8:0:2::1": false,
		"0.0.0.1": false,
	} {
		l.wait(netip.MustParseAddr("2001:db8:0:1::1"), l.began)
		if got := l.wait(netip.MustParseAddr(address), l.began) > 0; got != limited {
			t.Errorf("%s is limited: %t", address, got)
		}
	}
}

// A million clients take at most 64 MiB. The oldest are forgotten, not the latest.
func TestRateLimitHasBoundedMemory(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l := testLimiter(1, 1)
	address := func(i int) netip.Addr {
		return netip.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)})
	}
	now := l.began
	const clients = 1_500_000
	for i := range clients {
		now = now.Add(time.Microsecond)
		l.wait(address(i), now)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
		t.Errorf("the table takes %d MiB", grown>>20)
	}
	for i := clients - 1000; i < clients; i++ {
		if l.wait(address(i), now) == 0 {
			t.Fatalf("client %d of %d is forgotten", i, clients)
		}
	}
	runtime.KeepAlive(l)
}

func TestUnlimitedPaths(t *testing.T) {
	for path, want := range map[string]bool{
		"/api/v1/authenticate": true, "/api/v1/revocations": true, "/oauth2/introspect": true,
		"/api/v1/refresh": false, "/api/v1/admin/revocations": false, "/": false,
	} {
		if unlimited(path) != want {
			t.Errorf("unlimited(%s) = %t", path, !want)
		}
	}
}

func BenchmarkRateLimit(b *testing.B) {
	l := testLimiter(1e6, 1e6)
	var all []netip.Addr
	for i := range 1000 {
		all = append(all, netip.MustParseAddr(fmt.Sprintf("10.0.%d.%d", i/256, i%256)))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		l.wait(all[i%len(all)], l.began.Add(time.Duration(i)))
		i++
	}
}
