package token

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"testing"
	"time"
)

func numbered(i int) digest {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(i))
	return sha256.Sum256(b[:])
}

// TestProvenIsBounded: however many signatures come, the room stays the same, and the youngest are kept.
func TestProvenIsBounded(t *testing.T) {
	const room = provenShards * provenBuckets * provenWays
	var p proven
	for i := range 3 * room {
		p.add(numbered(i))
		if !p.has(numbered(i)) {
			t.Fatal("forgotten at once")
		}
	}
	old, young := 0, 0
	for i := range room {
		if p.has(numbered(i)) {
			old++
		}
		if p.has(numbered(2*room + i)) {
			young++
		}
	}
	if old+young > room || young < room/2 || old > room/10 {
		t.Errorf("of %d remembers %d of the oldest and %d of the youngest", room, old, young)
	}
}

// TestProvenSparesTheSignature: the second time nothing is computed; this key could not verify any more.
func TestProvenSparesTheSignature(t *testing.T) {
	key, err := GenerateKey("EdDSA", "k")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := NewKeySet(key)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_611_000_000, 0)
	raw, err := NewMinter(keys, Rules{}).Issue([]byte(sampleBench), now)
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(keys, Rules{})
	if _, err := v.Refresh(raw, now); err != nil {
		t.Fatal(err)
	}
	key.verifying = make(ed25519.PublicKey, ed25519.PublicKeySize)
	if _, err := v.Refresh(raw, now); err != nil {
		t.Errorf("the signature was computed again: %v", err)
	}
	if _, err := NewVerifier(keys, Rules{}).Refresh(raw, now); err != ErrSignature { //nolint:errorlint // faults come bare
		t.Errorf("got %v, want a key that cannot verify", err)
	}
}

// TestProvenTakesNoRoomForSecrets: with HS256 alone there is no memory at all.
func TestProvenTakesNoRoomForSecrets(t *testing.T) {
	keys, err := SecretKeySet([]byte(secretBench), false)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_611_000_000, 0)
	raw, err := NewMinter(keys, Rules{}).Issue([]byte(sampleBench), now)
	if err != nil {
		t.Fatal(err)
	}
	v := NewVerifier(keys, Rules{})
	if _, err := v.Refresh(raw, now); err != nil {
		t.Fatal(err)
	}
	for i := range v.proven.shards {
		if v.proven.shards[i].buckets != nil {
			t.Fatal("a secret's token is remembered")
		}
	}
}
