package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/jwk"
)

const developmentText = `
Development key: it was made at random for this run, and tokens that it signed stop being valid when this server stops.
For anything else set --secret-file or REFRESH_SECRET_FILE (refreshd --help lists all settings).

Try it:

  %s

or in a browser: http://%s/playground

`

// announceDevelopment says that the key is a development key, and prints a request to paste. The text is for a person
// and carries a token, so it goes to standard output; the logs on standard error carry the warning alone.
func (c *Config) announceDevelopment(p *program, keys jwk.Source, address net.Addr, logger *slog.Logger) error {
	logger.Warn("the key is a random development key: tokens that it signed stop being valid when this server stops")
	sample := login{Identity: "demo@example.com", Name: "Demo", TTL: 24 * time.Hour}
	refreshToken, err := sample.sign(keys, c.rules(), p.now())
	if err != nil {
		return fmt.Errorf("sign a sample token: %w", err)
	}
	line, err := curlLine(address.String(), refreshToken)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, developmentText, line, address)
	return err
}

// curlLine is a shell command that redeems refreshToken.
func curlLine(address, refreshToken string) (string, error) {
	body, err := json.Marshal(struct {
		RefreshToken string `json:"refresh_token"`
		Limit        int    `json:"limit"`
	}{refreshToken, 10})
	if err != nil {
		return "", fmt.Errorf("encode the sample request: %w", err)
	}
	words := []string{
		"curl", "-i", shellQuote("http://" + address + "/api/v1/refresh"),
		"-H", shellQuote("Content-Type: application/json"), "-d", shellQuote(string(body)),
	}
	return strings.Join(words, " "), nil
}

// shellQuote makes one word of s in any POSIX shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
