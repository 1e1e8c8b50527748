package token_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// TestConcurrentUseMixesNothing: reused memory never shows one caller another caller's claims.
func TestConcurrentUseMixesNothing(t *testing.T) {
	v, m := verifier(t, token.Rules{}), minter(t, token.Rules{})
	var group sync.WaitGroup
	for caller := range 8 {
		group.Go(func() {
			who := fmt.Sprintf("caller %d", caller)
			raw := signed(t, fmt.Sprintf(`{"identity":%q,"exp":9999999999,"name":%q}`, who, who))
			for range 200 {
				got, err := v.Refresh(raw, now())
				if err != nil {
					t.Error(err)
					return
				}
				minted, err := m.Access(got, token.Session{}, time.Hour, now())
				if err != nil {
					t.Error(err)
					return
				}
				access, err := v.Access(minted.Token, now())
				if err != nil || access.Identity != who || got.Identity != who ||
					access.KeyID != got.KeyID {
					t.Errorf("%s got the token of %s: %v", who, access.Identity, err)
					return
				}
			}
		})
	}
	group.Wait()
}
