package token

import "io"

// WithRandom returns the Minter with another source of randomness for token IDs.
func (m *Minter) WithRandom(random io.Reader) *Minter {
	other := *m
	other.random = random
	return &other
}
