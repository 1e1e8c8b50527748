package main

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
)

// maxSecretBytes stops a wrong path, such as a device, from being read without end.
const maxSecretBytes = 64 << 10

// errNoKey means that the configuration names no key at all.
const errNoKey = configError("no key: set --secret-file/REFRESH_SECRET_FILE, --secret/REFRESH_SECRET or --keys/REFRESH_KEYS")

// keySet is the set of the one configured secret; errNoKey without one.
func (c *Config) keySet() (*jwk.Set, error) {
	secret, setting, err := c.secret()
	if err != nil {
		return nil, err
	}
	set, err := jwk.SecretSet(secret, c.AllowWeakSecret)
	switch {
	case err != nil && len(secret) > 0:
		return nil, invalid(setting, err.Error()+"; --allow-weak-secret/REFRESH_ALLOW_WEAK_SECRET accepts it")
	case err != nil:
		return nil, invalid(setting, err.Error())
	}
	return set, nil
}

// secret returns the configured secret and the setting that it came from. A secret that is set and empty is most
// likely a variable that was not filled in: to go on with another key would log everybody out.
func (c *Config) secret() ([]byte, string, error) {
	hasSecret, hasFile := c.Secret != nil && *c.Secret != "", c.SecretFile != nil && *c.SecretFile != ""
	switch {
	case hasSecret && hasFile:
		return nil, "", configError("--secret/REFRESH_SECRET and --secret-file/REFRESH_SECRET_FILE cannot be used together")
	case hasFile:
		secret, err := readSecret(*c.SecretFile)
		if err != nil {
			return nil, "", invalid("secret-file", err.Error())
		}
		return secret, "secret-file", nil
	case hasSecret:
		return []byte(*c.Secret), "secret", nil
	case c.Secret != nil:
		return nil, "", invalid("secret", "is set but empty")
	case c.SecretFile != nil:
		return nil, "", invalid("secret-file", "is set but empty")
	}
	return nil, "", errNoKey
}

func readSecret(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w", err)
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxSecretBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", err)
	case len(data) > maxSecretBytes:
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxSecretBytes)
	}
	return withoutNewline(data), nil
}

// withoutNewline drops the one line ending that an editor or echo puts behind a secret.
func withoutNewline(data []byte) []byte {
	text, found := strings.CutSuffix(string(data), "\n")
	if found {
		text = strings.TrimSuffix(text, "\r")
	}
	return []byte(text)
}

// serverKeys is keySource for the server: without any key it makes a random one, for development, which exists only
// while nobody but this machine can reach the server.
func (c *Config) serverKeys(p *program, log *slog.Logger) (source *keys.Source, development bool, err error) {
	source, err = c.keySource(p, log)
	if !errors.Is(err, errNoKey) {
		return source, false, err
	}
	if !isLoopback(c.Listen) {
		return nil, false, configError(string(errNoKey) + " (a development key is made only while listening on loopback)")
	}
	secret := make([]byte, 32)
	rand.Read(secret) // never fails: it ends the process instead
	set, err := jwk.SecretSet(secret, false)
	if err != nil {
		return nil, true, err
	}
	source, err = c.openKeys(keys.Config{Set: set}, p, log)
	return source, true, err
}
