package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/token"
)

// maxTokenBytes is far above the largest token that a request may carry (16 KiB).
const maxTokenBytes = 1 << 20

type inspectCmd struct {
	Token string `arg:"" optional:"" placeholder:"TOKEN" help:"The token, or - for standard input."`
}

// Help adds details to the command's --help.
func (inspectCmd) Help() string {
	return `Without an argument the token is read from standard input. Arguments are visible in
process lists: prefer standard input for a token that is in use.`
}

// Run prints the report. It fails if the token is not acceptable.
func (cmd inspectCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	raw := cmd.Token
	if raw == "" || raw == "-" {
		var err error
		if raw, err = readToken(ctx, p.stdin); err != nil {
			return err
		}
	}
	now := p.now()
	verdict, accepted := s.NoKey().Error(), false // the claims can be shown without any key
	if s.HasKey() {
		keys, err := s.OpenKeysOnce(ctx, p.now, warnings(p))
		if err != nil {
			return err
		}
		verdict, accepted = judge(raw, token.NewVerifier(keys, s.Rules()), now)
	}
	form := likeness(raw, s)
	if err := report(p.stdout, raw, form, verdict, accepted, now); err != nil {
		return err
	}
	if !accepted {
		return errReported
	}
	return nil
}

// readToken reads a token from standard input.
func readToken(ctx context.Context, stdin io.Reader) (string, error) {
	data, err := readAll(ctx, io.LimitReader(stdin, maxTokenBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the token from standard input: %w", err)
	case len(data) > maxTokenBytes:
		return "", usageError(fmt.Sprintf("standard input has more than %d bytes", maxTokenBytes))
	}
	raw := strings.TrimSpace(string(data))
	if raw == "" {
		return "", usageError("no token on standard input")
	}
	return raw, nil
}

// readAll is io.ReadAll that a signal can interrupt: a terminal may have no input to give. A read
// that is interrupted is abandoned, because the command ends.
func readAll(ctx context.Context, r io.Reader) ([]byte, error) {
	done := make(chan struct{})
	var read []byte
	var failure error
	go func() {
		read, failure = io.ReadAll(r)
		close(done)
	}()
	select {
	case <-done:
		return read, failure
	case <-ctx.Done():
		return nil, errors.New("interrupted")
	}
}

// judge returns the decision of a server about the token. Access tokens may have another key.
func judge(raw string, v *token.Verifier, now time.Time) (verdict string, accepted bool) {
	_, err := v.Refresh(raw, now)
	if err == nil {
		return "as a refresh token", true
	}
	if errors.Is(err, token.ErrNotRefresh) || errors.Is(err, token.ErrSignature) {
		_, other := v.Access(raw, now)
		switch {
		case other == nil:
			return "as an access token; it cannot be refreshed", true
		case !errors.Is(other, token.ErrNotAccess) && !errors.Is(other, token.ErrSignature):
			return "access token: " + other.Error(), false
		}
	}
	return err.Error(), false
}

// likeness tells which login profile the token's claims look like, beside the configured one.
func likeness(raw string, s *service.Settings) string {
	_, claims := parts(raw)
	configured := s.Rules().Profile
	setting := s.Name(&s.Login) + " is " + configured.Name + "."
	switch found, hasIdentity := configured.Resembling(claims); {
	case found == nil:
		return "The claims look like no profile; " + setting
	case !hasIdentity:
		return "The claims look like " + found.Name + ", but the claim " + found.Identity +
			" is missing: name the claim of the identity with " + s.Name(&s.IdentityClaim) +
			". " + setting
	case found.Name == configured.Name:
		return "The claims look like " + found.Name + ", which is configured."
	default:
		return "The claims look like " + found.Name + "; " + setting
	}
}

func report(
	w io.Writer, raw, form, verdict string, accepted bool, now time.Time,
) error {
	header, claims := parts(raw)
	var out strings.Builder
	fmt.Fprintf(&out, "Header\n%s\n\nClaims\n%s\n", show(header), show(claims))
	fmt.Fprintf(&out, "\nLogin profile\n  %s\n", form)
	if lines := times(claims, now); lines != "" {
		fmt.Fprintf(&out, "\nTimes\n%s", lines)
	}
	word := "Not accepted"
	if accepted {
		word = "Accepted"
		verdict += "\nRevocations were not looked up: refreshd session show --token=- does that"
	}
	fmt.Fprintf(&out, "\n%s: %s\n", word, verdict)
	_, err := io.WriteString(w, out.String())
	return err
}

// parts decodes header and claims without judging them. A part that is not base64url is nil.
func parts(raw string) (header, claims []byte) {
	segments := strings.Split(raw, ".")
	decode := func(i int) []byte {
		if i >= len(segments) {
			return nil
		}
		data, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(segments[i], "="))
		if err != nil {
			return nil
		}
		return data
	}
	return decode(0), decode(1)
}

// show indents JSON for a terminal. Characters that could control the terminal are escaped.
func show(data []byte) string {
	var out bytes.Buffer
	out.WriteString("  ")
	if json.Indent(&out, data, "  ", "  ") != nil {
		return "  not readable: not JSON in base64url"
	}
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
