package service

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/keys"
)

// maxSecretBytes keeps a wrong path, such as a device, from being read without end.
const maxSecretBytes = 64 << 10

// HasKey reports whether the settings name a key of any kind.
func (s *Settings) HasKey() bool { return s.Secret != "" || s.SecretFile != "" || s.Keys != "" }

// NoKey returns the error for settings that name no key.
func (s *Settings) NoKey() SettingError {
	return SettingError(fmt.Sprintf("no key: set %s, %s or %s",
		s.Name(&s.SecretFile), s.Name(&s.Secret), s.Name(&s.Keys)))
}

// SigningSecret returns the configured secret, without one line ending at its end: shells and
// editors add one. It fails if there is no secret, if there are two, or if the file cannot be read.
// It logs a warning if the secret looks wrong.
func (s *Settings) SigningSecret(log *slog.Logger) ([]byte, error) {
	switch {
	case s.Secret != "" && s.SecretFile != "":
		return nil, SettingError(fmt.Sprintf("%s and %s cannot be used together",
			s.Name(&s.Secret), s.Name(&s.SecretFile)))
	case s.SecretFile != "":
		secret, err := ReadSecret(log, s.Name(&s.SecretFile), s.SecretFile)
		if err != nil {
			return nil, s.invalid(&s.SecretFile, err.Error())
		}
		return secret, nil
	case s.Secret != "":
		secret := withoutNewline([]byte(s.Secret))
		warnOfEnds(log, s.Name(&s.Secret), secret)
		return secret, nil
	}
	return nil, s.NoKey()
}

// secretKeys returns the key set of the configured secret. If access tokens have a secret of their
// own, the set has it too.
func (s *Settings) secretKeys(log *slog.Logger) (*jwk.Set, error) {
	secret, err := s.SigningSecret(log)
	if err != nil {
		return nil, err
	}
	setting := any(&s.Secret)
	if s.SecretFile != "" {
		setting = &s.SecretFile
	}
	set, err := s.secretSet(setting, secret)
	if err != nil || s.AccessSecretFile == "" {
		return set, err
	}
	access, err := s.accessKeys(log, secret)
	if err != nil {
		return nil, err
	}
	return set.WithAccess(access), nil
}

// secretSet returns the key set of a secret. It fails if the secret is too short for the settings;
// the error names the setting.
func (s *Settings) secretSet(setting any, secret []byte) (*jwk.Set, error) {
	set, err := jwk.SecretSet(secret, s.AllowWeakSecret)
	if err == nil {
		return set, nil
	}
	problem := err.Error()
	if len(secret) > 0 {
		problem += "; " + s.Name(&s.AllowWeakSecret) + " accepts it"
	}
	return nil, s.invalid(setting, problem)
}

// ReloadSecret reads the secret files again, and takes the secrets into use. If that fails, it logs
// an error and the known secrets stay in use.
func (s *Settings) ReloadSecret(source *keys.Source, log *slog.Logger) {
	set, err := s.secretKeys(log)
	if err == nil {
		err = source.Replace(set)
	}
	if err != nil {
		log.Error("the secret could not be reloaded; the known secret stays in use", "error", err)
	}
}

// warnOfEnds logs a warning if a tool may have added characters to the ends of a secret.
func warnOfEnds(log *slog.Logger, setting string, secret []byte) {
	var found string
	switch text := string(secret); {
	case strings.HasPrefix(text, "\ufeff"):
		found = "a byte order mark"
	case strings.TrimSpace(text) != text:
		found = "white space"
	case strings.Trim(text, "\"'`") != text:
		found = "quotes"
	default:
		return
	}
	log.Warn("if tokens are rejected with an invalid signature, compare the secret with the "+
		"login service's: it has characters at its ends that may not belong to it",
		"setting", setting, "found", found)
}

// ReadSecret returns the secret in a file, without one line ending at its end. It logs a warning,
// which names the setting, if the secret looks wrong.
func ReadSecret(log *slog.Logger, setting, path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
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
	secret := withoutNewline(data)
	warnOfEnds(log, setting, secret)
	return secret, nil
}

func withoutNewline(data []byte) []byte {
	text, found := strings.CutSuffix(string(data), "\n")
	if found {
		text = strings.TrimSuffix(text, "\r")
	}
	return []byte(text)
}
