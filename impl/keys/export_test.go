package keys

import "time"

// Hasten makes a Source look at its files at once and more often, and sets how long it waits for an
// issuer.
func (s *Source) Hasten(poll, retry, patience, fetch time.Duration) {
	s.every.poll, s.every.retry, s.every.patience, s.every.fetch = poll, retry, patience, fetch
	s.every.cooldown = 0
}

// Cool sets how long the issuer is left alone after an answer.
func (s *Source) Cool(cooldown time.Duration) { s.every.cooldown = cooldown }

// Doubts returns how many key IDs are remembered of which it is open whether they exist.
func (s *Source) Doubts() int {
	s.issuer.mu.Lock()
	defer s.issuer.mu.Unlock()
	return len(s.issuer.doubts)
}
