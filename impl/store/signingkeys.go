package store

import "context"

const (
	// A thumbprint that is there already is written again: the first commit may not be replicated.
	insertSigningKey = `INSERT INTO refresh_signing_keys (thumbprint) VALUES ($1)
ON CONFLICT (thumbprint) DO UPDATE SET thumbprint = excluded.thumbprint`
	countSigningKey = `SELECT count(*) FROM refresh_signing_keys WHERE thumbprint = $1`
)

// NoteSigningKey stores the thumbprint (RFC 7638) of a key that signs refresh tokens.
func (s *Store) NoteSigningKey(ctx context.Context, thumbprint string) error {
	_, err := s.exec(ctx, insertSigningKey, thumbprint)
	return err
}

// HasSigned reports whether NoteSigningKey has stored the thumbprint.
func (s *Store) HasSigned(ctx context.Context, thumbprint string) (bool, error) {
	var n int
	err := s.readCurrent(ctx, one([]any{&n}, countSigningKey, thumbprint))
	return n > 0, err
}
