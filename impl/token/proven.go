package token

import (
	"crypto/sha256"
	"slices"
	"sync"
)

// The set holds provenShards * provenBuckets * provenWays = 65536 signatures in 2 MiB.
const (
	provenShards  = 64
	provenBuckets = 256
	provenWays    = 4
)

// digest names a token and the key that verified it.
type digest [sha256.Size]byte

// proven remembers which asymmetric signatures were found to be genuine, because clients redeem one refresh token many times.
// It spares the signature alone: the key is still selected and the claims are still judged each time, so that a key that is
// gone, an expiry and a revocation are seen at once. It is bounded: the youngest of a bucket drives out the oldest.
// docs/decisions/0004-keys.md has the numbers.
type proven struct {
	shards [provenShards]provenShard
}

type provenShard struct {
	mu      sync.Mutex
	buckets *[provenBuckets][provenWays]digest // nil until the first signature
}

// digestOf covers the whole token and what the key is, not what it is called: a key of the same ID that verifies otherwise, or
// is pinned to another algorithm, has proven nothing.
func (k *Key) digestOf(room, raw []byte) (digest, []byte) {
	room = append(append(room[:0], k.thumbprint[:]...), raw...)
	return sha256.Sum256(room), room
}

func (p *proven) at(d digest) (*provenShard, int) {
	return &p.shards[int(d[0])%provenShards], int(d[1]) % provenBuckets
}

func (p *proven) has(d digest) bool {
	shard, bucket := p.at(d)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	return shard.buckets != nil && slices.Contains(shard.buckets[bucket][:], d)
}

func (p *proven) add(d digest) {
	shard, bucket := p.at(d)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	if shard.buckets == nil {
		shard.buckets = new([provenBuckets][provenWays]digest)
	}
	ways := shard.buckets[bucket][:]
	copy(ways[1:], ways)
	ways[0] = d
}
