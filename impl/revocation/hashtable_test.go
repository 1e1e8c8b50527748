package revocation

import (
	"encoding/binary"
	"os"
	"runtime"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

// hashOf is as evenly spread as a hash, and costs a benchmark little (splitmix64).
func hashOf(n int) (k Key) {
	x := uint64(n) * 0x9e3779b97f4a7c15
	for i := 0; i < len(k); i += 8 {
		x += 0x9e3779b97f4a7c15
		z := (x ^ x>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		binary.BigEndian.PutUint64(k[i:], z^z>>31)
	}
	return k
}

// TestHashTable: it is a map whose values only rise. Keys that share the bytes that place them make
// it probe.
func TestHashTable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var table hashTable
		model := map[Key]uint32{}
		key := rapid.Custom(func(t *rapid.T) Key {
			k := Key{0: byte(rapid.IntRange(0, 1).Draw(t, "shard"))}
			k[1] = rapid.Byte().Draw(t, "place")
			k[9] = rapid.SampledFrom([]byte{0, 1, 2}).Draw(t, "tag")
			k[31] = byte(rapid.IntRange(0, 3).Draw(t, "rest"))
			return k
		})
		t.Repeat(map[string]func(*rapid.T){
			"raise": func(t *rapid.T) {
				k, v := key.Draw(t, "key"), rapid.Uint32Range(0, 50).Draw(t, "value")
				table.raise(k, v)
				old, ok := model[k]
				if !ok || v > old {
					model[k] = v
				}
			},
			"removeBelow": func(t *rapid.T) {
				least, want := rapid.Uint32Range(0, 20).Draw(t, "least"), 0
				for k, v := range model {
					if v < least {
						delete(model, k)
						want++
					}
				}
				if got := table.removeBelow(least); got != want {
					t.Fatalf("removed %d, want %d", got, want)
				}
			},
			"get": func(t *rapid.T) {
				k := key.Draw(t, "key")
				got, ok := table.get(&k)
				if want, in := model[k]; got != want || ok != in {
					t.Fatalf("get(%v) = %d, %v, want %d, %v", k, got, ok, want, in)
				}
			},
			"": func(t *rapid.T) {
				if table.length() != len(model) {
					t.Fatalf("length %d, want %d", table.length(), len(model))
				}
			},
		})
	})
}

func TestHashTableConcurrently(t *testing.T) {
	const count = 20_000
	var table hashTable
	var group sync.WaitGroup
	for w := range 4 {
		group.Go(func() {
			for n := w; n < count; n += 4 {
				k := hashOf(n)
				table.raise(k, uint32(n))
				if v, ok := table.get(&k); !ok || v != uint32(n) {
					t.Errorf("%d: got %d, %v", n, v, ok)
				}
				if n%5000 == w {
					table.removeBelow(0)
				}
			}
		})
	}
	group.Wait()
	if table.length() != count {
		t.Errorf("length %d, want %d", table.length(), count)
	}
}

// TestHashTableMemory: at most 64 bytes a key, whatever the number of keys.
func TestHashTableMemory(t *testing.T) {
	counts := []int{300_000, 350_000, 400_000, 450_000, 500_000}
	if os.Getenv("REFRESH_SOAK") != "" {
		counts = append(counts, 10_000_000)
	}
	table, n := new(hashTable), 0
	base := heap()
	for _, count := range counts {
		for ; n < count; n++ {
			table.raise(hashOf(n), 1)
		}
		each := float64(heap()-base) / float64(count)
		if each > 64 {
			t.Errorf("%d keys take %.1f bytes each", count, each)
		}
		t.Logf("%d keys: %.1f bytes each", count, each)
	}
	runtime.KeepAlive(table)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkRevoked(b *testing.B) {
	for _, c := range []struct {
		name  string
		count int
	}{{"1e4", 10_000}, {"1e6", 1_000_000}, {"1e7", 10_000_000}} {
		b.Run(c.name, func(b *testing.B) {
			var known memory
			for n := range c.count {
				known.sessions.raise(hashOf(n), 1)
			}
			b.Run("revoked", func(b *testing.B) {
				benchmarkLookup(b, &known, true, func(i int) int { return i * 7919 % c.count })
			})
			b.Run("not", func(b *testing.B) {
				benchmarkLookup(b, &known, false, func(i int) int { return -1 - i })
			})
			b.Run("one read of memory", func(b *testing.B) { benchmarkMemory(b, &known.sessions) })
		})
	}
}

func benchmarkLookup(b *testing.B, known *memory, want bool, key func(int) int) {
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if known.lookup(hashOf(key(i)), "").Revoked != want {
			b.Fatal("wrong answer")
		}
	}
}

// benchmarkMemory measures one read in as much memory as the table has. The value that was read
// decides the next address, so that reads cannot overlap. A lookup that finds its key cannot be
// faster.
func benchmarkMemory(b *testing.B, table *hashTable) {
	var last uint32
	for i := 0; b.Loop(); i++ {
		k := hashOf(i)
		p := table.shards[k[0]].table.Load()
		last = p.entries[8*home(&k, len(p.tags))+int(last&7)].value
	}
}
