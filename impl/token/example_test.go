package token_test

import (
	"errors"
	"fmt"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

// A refresh token is verified and an access token of ten minutes minted for the same identity. The
// access token cannot be redeemed in turn.
func Example() {
	keys, err := jwk.SecretSet([]byte("replace this by 32 random bytes!"), false)
	if err != nil {
		panic(err)
	}
	verifier, minter := token.NewVerifier(keys, token.Rules{}), token.NewMinter(keys, token.Rules{})
	now := time.Unix(1_611_000_000, 0)

	// The login service signs a refresh token.
	refreshToken, err := minter.Issue(
		[]byte(
			`{"identity":"whois.muchlis@gmail.com","name":"Real Muchlis","type":1,"exp":1611318219}`,
		),
		now,
	)
	if err != nil {
		panic(err)
	}

	t, err := verifier.Refresh(refreshToken, now)
	if err != nil {
		panic(err)
	}
	minted, err := minter.Access(t, token.Session{}, 10*time.Minute, now)
	if err != nil {
		panic(err)
	}
	fmt.Println("for", t.Identity, "until", minted.Expires)

	_, err = verifier.Refresh(minted.Token, now)
	fmt.Println(err)

	_, err = verifier.Refresh(refreshToken, now.Add(30*24*time.Hour))
	fmt.Println(err, errors.Is(err, token.ErrExpired))
	// Output:
	// for whois.muchlis@gmail.com until 1611000600
	// token is not a refresh token: it is an access token: the claim type is 0
	// token has expired true
}
