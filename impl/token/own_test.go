package token_test

import (
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// TestOwnTokenFromAnotherNode: if the iat of a token of ours is ahead of this node's clock, one of
// the clocks is wrong. The token is accepted, however far ahead it is.
func TestOwnTokenFromAnotherNode(t *testing.T) {
	login, err := verifier(t, token.Rules{}).Refresh(signed(t, sample), now())
	must(t, login, err)
	for _, ahead := range []time.Duration{time.Minute, 2 * time.Minute, time.Hour} {
		iat := now().Add(ahead)
		minted, err := minter(t, token.Rules{}).Refresh(login, token.Successor{
			Session:    strings.Repeat("a", 64),
			Generation: 1,
			IssuedAt:   iat.Unix(),
			Expires:    iat.Add(time.Hour).Unix(),
		})
		must(t, minted, err)
		got, err := verifier(t, token.Rules{}).Refresh(minted.Token, now())
		if err != nil || !got.Own {
			t.Errorf("%v ahead: %+v, %v", ahead, got, err)
		}
	}
}
