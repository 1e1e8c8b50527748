package session

import (
	"encoding/binary"
	"math/bits"
	"sync"
)

// hashTable maps 32-byte hashes to 32-bit numbers. It is safe for concurrent use. Keys must be hashes: their own bytes place
// them.
//
// One entry takes 37 bytes. A shard grows by a fifth when three quarters of it are in use, so that at least 0.625 of it are,
// which makes at most 60 bytes an entry; a map doubles, and takes up to 150.
type hashTable struct {
	shards [256]shard
}

// shard is open addressing with linear probing. The tags, a byte of each key, are apart from the entries, so that a key that is
// not there, which is the rule, costs one look at memory and not one for each probe.
type shard struct {
	mu      sync.RWMutex
	tags    []byte // 0 is empty
	entries []entry
	used    int
	_       [40]byte // keeps the locks of two shards out of one cache line
}

type entry struct {
	key   ID
	value uint32
}

// get returns the value of key.
func (t *hashTable) get(key *ID) (uint32, bool) {
	s := &t.shards[key[0]]
	s.mu.RLock()
	defer s.mu.RUnlock()
	if i, ok := s.find(key); ok {
		return s.entries[i].value, true
	}
	return 0, false
}

// raise sets the value of key to value, or leaves it where it is greater.
func (t *hashTable) raise(key ID, value uint32) {
	s := &t.shards[key[0]]
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, ok := s.find(&key); ok {
		s.entries[i].value = max(s.entries[i].value, value)
		return
	}
	if 4*(s.used+1) > 3*len(s.tags) {
		s.resize(len(s.tags)*6/5 + 4)
	}
	s.insert(entry{key: key, value: value})
}

// length returns how many keys there are.
func (t *hashTable) length() int {
	n := 0
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.RLock()
		n += s.used
		s.mu.RUnlock()
	}
	return n
}

// removeBelow removes the keys whose value is below least, one shard at a time, and returns how many.
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
	gone := 0
	for i, tag := range s.tags {
		if tag != 0 && s.entries[i].value < least {
			s.tags[i] = 0
			gone++
		}
	}
	if gone > 0 {
		s.resize((s.used-gone)*3/2 + 4)
	}
	return gone
}

// find returns where key is, or where it would go. The shard may have no room at all.
func (s *shard) find(key *ID) (int, bool) {
	if len(s.tags) == 0 {
		return 0, false
	}
	tag := tagOf(key)
	for i := home(key, len(s.tags)); ; {
		if s.tags[i] == 0 {
			return i, false
		}
		if s.tags[i] == tag && s.entries[i].key == *key {
			return i, true
		}
		if i++; i == len(s.tags) {
			i = 0
		}
	}
}

func (s *shard) insert(e entry) {
	i, _ := s.find(&e.key)
	s.tags[i], s.entries[i] = tagOf(&e.key), e
	s.used++
}

func (s *shard) resize(size int) {
	tags, entries := s.tags, s.entries
	s.tags, s.entries, s.used = make([]byte, size), make([]entry, size), 0
	for i, tag := range tags {
		if tag != 0 {
			s.insert(entries[i])
		}
	}
}

// home maps the key's second to ninth byte evenly onto the places; the first byte chose the shard.
func home(key *ID, places int) int {
	at, _ := bits.Mul64(binary.BigEndian.Uint64(key[1:]), uint64(places))
	return int(at)
}

func tagOf(key *ID) byte { return max(key[9], 1) }
