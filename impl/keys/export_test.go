package keys

import "time"

// Hasten makes a Source look at its files at once and more often, and sets how long it waits for an issuer.
func (s *Source) Hasten(poll, retry, patience, fetch time.Duration) {
	s.pace.poll, s.pace.retry, s.pace.patience, s.pace.fetch = poll, retry, patience, fetch
	s.pace.cooldown = 0
}

// Cool sets how long the issuer is left alone after an answer.
func (s *Source) Cool(cooldown time.Duration) { s.pace.cooldown = cooldown }
