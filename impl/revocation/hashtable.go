package revocation

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"sync"
	"sync/atomic"
)

// hashTable maps 32-byte hashes to 32-bit numbers. It is safe for concurrent use, and readers take
// no lock. Keys must be hashes: their own bytes place them.
//
// One place takes 37 bytes. A shard grows by a fifth when three quarters of its places are in use,
// so that at least 0.62 of them are, which makes at most 60 bytes a key. A map doubles, and takes
// up to 150.
type hashTable struct {
	shards [256]shard
}

type shard struct {
	table atomic.Pointer[places]
	mu    sync.Mutex // held by writers
	used  int
}

// places is open addressing with linear probing, by groups of 8. A key, once written, stays where
// it is; to remove keys a shard gets new places. The tags, a byte of each key, are apart from the
// entries, so that a key that is not there, which is the rule, costs one look at memory.
type places struct {
	tags    []uint64 // of 8 entries each; 0 is empty
	entries []entry
}

type entry struct {
	key   Key
	value uint32 // read and changed atomically
}

// get returns the value of key.
func (t *hashTable) get(key *Key) (uint32, bool) {
	p := t.shards[key[0]].table.Load()
	if p == nil {
		return 0, false
	}
	i, ok := p.find(key)
	if !ok {
		return 0, false
	}
	return atomic.LoadUint32(&p.entries[i].value), true
}

// raise sets the value of key to value, or leaves it where it is greater.
func (t *hashTable) raise(key Key, value uint32) {
	s := &t.shards[key[0]]
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.table.Load()
	if p == nil || 4*s.used >= 3*len(p.entries) {
		p = p.resized(s.used*8/5, 0)
		s.table.Store(p)
	}
	i, ok := p.find(&key)
	if !ok {
		p.put(i, entry{key: key, value: value})
		s.used++
	} else if value > p.entries[i].value {
		atomic.StoreUint32(&p.entries[i].value, value)
	}
}

// length returns how many keys there are.
func (t *hashTable) length() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += s.used
		s.mu.Unlock()
	}
	return n
}

// above returns the keys whose value is greater than the one in other, or which are not in other.
func (t *hashTable) above(other *hashTable) iter.Seq2[Key, uint32] {
	return func(yield func(Key, uint32) bool) {
		for i := range t.shards {
			for _, e := range t.shards[i].all() {
				if value, ok := other.get(&e.key); (!ok || value < e.value) && !yield(e.key, e.value) {
					return
				}
			}
		}
	}
}

// all returns a copy of the shard's entries.
func (s *shard) all() []entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.table.Load()
	if p == nil {
		return nil
	}
	copied := make([]entry, 0, s.used)
	for i := range p.entries {
		if p.taken(i) {
			copied = append(copied, p.entries[i])
		}
	}
	return copied
}

// removeBelow removes the keys whose value is below least, one shard at a time, and returns how
// many.
func (t *hashTable) removeBelow(least uint32) int {
	n := 0
	for i := range t.shards {
		n += t.shards[i].removeBelow(least)
	}
	return n
}

func (s *shard) removeBelow(least uint32) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, stay := s.table.Load(), 0
	if p == nil {
		return 0
	}
	for i := range p.entries {
		if p.taken(i) && p.entries[i].value >= least {
			stay++
		}
	}
	gone := s.used - stay
	if gone > 0 {
		s.table.Store(p.resized(stay*8/5, least))
		s.used = stay
	}
	return gone
}

// resized returns room for at least size keys, with the keys of p in it whose value is at least
// least.
func (p *places) resized(size int, least uint32) *places {
	groups := size/8 + 1
	q := &places{tags: make([]uint64, groups), entries: make([]entry, 8*groups)}
	if p == nil {
		return q
	}
	for i := range p.entries {
		if e := &p.entries[i]; p.taken(i) && e.value >= least {
			at, _ := q.find(&e.key)
			q.put(at, *e)
		}
	}
	return q
}

func (p *places) taken(i int) bool { return p.tags[i/8]>>(i%8*8)&0xff != 0 }

// put writes the entry before its tag, because other goroutines may be reading the place.
func (p *places) put(i int, e entry) {
	p.entries[i] = e
	atomic.StoreUint64(&p.tags[i/8], p.tags[i/8]|tagOf(&e.key)<<(i%8*8))
}

// Bits of each byte of a group's tags.
const (
	lowest  = 0x0101010101010101
	highest = 0x8080808080808080
)

// zeros has the highest bit set in each zero byte. It may be set in a byte that is 1 too, but not
// in one below the first zero.
func zeros(x uint64) uint64 { return (x - lowest) &^ x & highest }

// find returns where key is, or else where it would go. There is an empty place always.
func (p *places) find(key *Key) (int, bool) {
	tags := tagOf(key) * lowest
	for g := home(key, len(p.tags)); ; {
		group := atomic.LoadUint64(&p.tags[g])
		for match := zeros(group ^ tags); match != 0; match &= match - 1 {
			i := 8*g + bits.TrailingZeros64(match)/8
			if p.entries[i].key == *key {
				return i, true
			}
		}
		if empty := zeros(group); empty != 0 {
			return 8*g + bits.TrailingZeros64(empty)/8, false
		}
		if g++; g == len(p.tags) {
			g = 0
		}
	}
}

// home maps the key's second to ninth byte evenly onto the groups; the first byte chose the shard.
func home(key *Key, groups int) int {
	at, _ := bits.Mul64(binary.BigEndian.Uint64(key[1:]), uint64(groups)) //nolint:gosec // a length
	return int(at)                                                        //nolint:gosec // below groups
}

// tagOf is never 0, which is empty, nor 1, with which zeros would take an empty place for a match.
func tagOf(key *Key) uint64 { return uint64(max(key[9], 2)) }
