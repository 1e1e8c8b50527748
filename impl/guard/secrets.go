package guard

import (
	"errors"
	"fmt"

	"kalsel.dev/refresh/impl/jwk"
)

// secrets returns the key of access tokens, or nil if the settings have no secret. It fails if the
// settings have two secrets, or if the secret is too short.
func (c *Config) secrets() (jwk.Source, error) {
	switch {
	case len(c.AccessSecret) > 0 && len(c.Secret) > 0:
		return nil, errors.New("the settings Secret and AccessSecret cannot be used together: if " +
			"access tokens have a secret of their own, leave Secret out")
	case len(c.AccessSecret) > 0:
		set, err := jwk.SecretSet(c.AccessSecret, false)
		if err != nil {
			return nil, fmt.Errorf("the setting AccessSecret: %w", err)
		}
		// The verifier takes a token of these keys for an access token without any further mark.
		return set.WithAccess(set), nil
	case len(c.Secret) > 0:
		set, err := jwk.SecretSet(c.Secret, false)
		if err != nil {
			return nil, fmt.Errorf("the setting Secret: %w", err)
		}
		return set, nil
	}
	return nil, nil
}
