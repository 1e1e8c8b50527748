package token_test

import (
	"math/big"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"kalsel.dev/refresh/impl/token"
)

// swapped is a KeySource whose set can be replaced.
type swapped struct {
	mu  sync.Mutex
	set *token.KeySet
}

func (s *swapped) Keys() *token.KeySet {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set
}

func (s *swapped) replace(set *token.KeySet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.set = set
}

// TestSeenBefore: a signature that was found to be genuine is not computed again, and nothing else is taken for granted.
func TestSeenBefore(t *testing.T) {
	m := newMaterial(t)
	other := everyKey(t, "other_keys.json")
	material := map[string]any{"RS256": m.rsa, "ES256": m.p256, "EdDSA": m.ed}
	for alg, private := range material {
		key := newKey(t, "k", alg, private)
		keys := &swapped{set: keySet(t, key)}
		v := token.NewVerifier(keys, token.Rules{Issuer: ""})
		raw, err := token.NewMinter(keys, token.Rules{}).Issue([]byte(sample), now())
		must(t, raw, err)
		refresh := func(t *testing.T, at time.Time, want error) {
			t.Helper()
			got, err := v.Refresh(raw, at)
			wantFault(t, got, err, want)
		}
		again := func(name string, set *token.KeySet, want error) {
			t.Run(alg+" "+name, func(t *testing.T) {
				keys.replace(keySet(t, key))
				refresh(t, now(), nil)
				keys.replace(set)
				refresh(t, now(), want)
				keys.replace(keySet(t, key))
				refresh(t, now(), nil)
			})
		}
		t.Run(alg+" expiry", func(t *testing.T) {
			refresh(t, now(), nil)
			refresh(t, time.Unix(1_611_318_218, 0), nil)
			refresh(t, time.Unix(1_611_318_219, 0), token.ErrExpired)
			refresh(t, now(), nil)
		})
		again("its key is gone", keySet(t, newKey(t, "other", "HS256", []byte(secret))), token.ErrUnknownKey)
		expired, err := key.WithTimes(0, now().Unix())
		again("its key has expired", keySet(t, must(t, expired, err)), token.ErrUnknownKey)
		for _, k := range other.All() {
			if k.Algorithm() == alg {
				again("another key has its ID", keySet(t, newKey(t, "k", alg, k.Public())), token.ErrSignature)
			}
		}
		issuers, err := keySet(t, newKey(t, "other", "HS256", []byte(secret))).WithIssuer(newKey(t, "k", alg, key.Public()))
		again("its key is an issuer's now", must(t, issuers, err), token.ErrIssuer)
		again("the same key, read anew", keySet(t, newKey(t, "k", alg, private)), nil)
	}
}

func TestSeenBeforeUnderAnotherAlgorithm(t *testing.T) {
	m := newMaterial(t)
	keys := &swapped{set: keySet(t, newKey(t, "k", "RS256", m.rsa))}
	v := token.NewVerifier(keys, token.Rules{})
	raw := forge(t, jwt.SigningMethodRS256, m.rsa, `{"alg":"RS256","kid":"k"}`, sample)
	got, err := v.Refresh(raw, now())
	wantFault(t, got, err, nil)
	keys.replace(keySet(t, newKey(t, "k", "PS256", m.rsa)))
	got, err = v.Refresh(raw, now())
	wantFault(t, got, err, token.ErrAlgorithm)
}

// TestSeenBeforeIsTheWholeToken: what was remembered for one token vouches for no other.
func TestSeenBeforeIsTheWholeToken(t *testing.T) {
	m := newMaterial(t)
	v := token.NewVerifier(m.keys(t), token.Rules{})
	h := `{"alg":"ES256","kid":"ES256"}`
	good := forge(t, jwt.SigningMethodES256, m.p256, h, sample)
	part := strings.Split(good, ".")
	signature := []byte(decode(t, part[2]))
	s := new(big.Int).Sub(m.p256.Params().N, new(big.Int).SetBytes(signature[32:]))
	twin := append(append([]byte{}, signature[:32]...), s.FillBytes(make([]byte, 32))...)
	runAttacks(t, v, []attack{
		{"good", good, nil},
		{"again", good, nil},
		{"another signature", part[0] + "." + part[1] + "." + flip(part[2][0]) + part[2][1:], token.ErrSignature},
		{"no signature", part[0] + "." + part[1] + ".", token.ErrSignature},
		{"other claims", part[0] + "." + encode(with(`"x":1`)) + "." + part[2], token.ErrSignature},
		{"another kid", encode(`{"alg":"ES256","kid":"EdDSA"}`) + "." + part[1] + "." + part[2], token.ErrAlgorithm},
		{"the other valid signature of ECDSA", part[0] + "." + part[1] + "." + encode(string(twin)), nil},
	})
}

// TestSeenBeforeConcurrently is for the race detector: keys come and go while tokens are verified.
func TestSeenBeforeConcurrently(t *testing.T) {
	m := newMaterial(t)
	with, without := keySet(t, newKey(t, "k", "EdDSA", m.ed)), keySet(t, newKey(t, "other", "HS256", []byte(secret)))
	keys := &swapped{set: with}
	v := token.NewVerifier(keys, token.Rules{})
	var workers sync.WaitGroup
	for i := range 4 {
		workers.Go(func() {
			raw := forge(t, jwt.SigningMethodEdDSA, m.ed, `{"alg":"EdDSA","kid":"k"}`, instead(t, "jti", strconv.Quote(strconv.Itoa(i%2))))
			for range 200 {
				if _, err := v.Refresh(raw, now()); err != nil && err != token.ErrUnknownKey { //nolint:errorlint // faults come bare
					t.Error(err)
				}
			}
		})
	}
	for range 200 {
		keys.replace(without)
		keys.replace(with)
	}
	workers.Wait()
}
