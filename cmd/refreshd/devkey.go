package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/service"
)

const developmentText = `
Development key: it was made at random for this run. When this server stops, all tokens that it
signed become invalid. For anything else set --secret-file or REFRESH_SECRET_FILE
(refreshd --help lists all settings).

Try it:

  %s

or in a browser: %s/playground

Pages of every origin on this machine (http://localhost:5173 ...) may call this server.

`

// announceDevelopment prints a request to paste. The text is for a person and contains a token, so
// it goes to standard output; the log on standard error gets the warning alone.
func announceDevelopment(
	p *program, s *service.Settings, keys jwk.Source, address net.Addr, logger *slog.Logger,
) error {
	logger.Warn("the key is a random development key: " +
		"when this server stops, all tokens that it signed become invalid")
	sample := login.Token{Identity: "demo@example.com", Name: "Demo", Lifetime: 24 * time.Hour}
	refreshToken, err := sample.Sign(keys, s.Rules(), p.now())
	if err != nil {
		return fmt.Errorf("sign a sample token: %w", err)
	}
	origin := "http://" + address.String()
	if s.TLSCert != "" {
		origin = "https://" + address.String()
	}
	line, err := curlLine(origin, refreshToken)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, developmentText, line, origin)
	return err
}

// curlLine returns a shell command that redeems refreshToken.
func curlLine(origin, refreshToken string) (string, error) {
	body, err := json.Marshal(struct {
		RefreshToken string `json:"refresh_token"`
		Limit        int    `json:"limit"`
	}{refreshToken, 10})
	if err != nil {
		return "", fmt.Errorf("encode the sample request: %w", err)
	}
	words := []string{
		"curl", "-i", shellQuote(origin + "/api/v1/refresh"),
		"-H", shellQuote("Content-Type: application/json"), "-d", shellQuote(string(body)),
	}
	return strings.Join(words, " "), nil
}

// shellQuote makes s one word for any POSIX shell.
func shellQuote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
