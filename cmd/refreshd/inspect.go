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

	"kalsel.dev/refresh/impl/token"
)

// maxTokenBytes is far above what a request may carry (16 KiB).
const maxTokenBytes = 1 << 20

type inspectCmd struct {
	Token string `arg:"" optional:"" placeholder:"TOKEN" help:"The token; without it, or as -, it is read from standard input (arguments show in process lists)."`
}

// Run prints the report and succeeds if the token is acceptable.
func (cmd inspectCmd) Run(ctx context.Context, p *program, c *Config) error {
	raw, err := cmd.read(ctx, p.stdin)
	if err != nil {
		return err
	}
	// A configuration without any key can still show what the token says.
	keys, err := c.commandKeys(ctx, p)
	if err != nil && !errors.Is(err, errNoKey) {
		return err
	}
	now := p.now()
	verdict, accepted := errNoKey.Error(), false
	if keys != nil {
		verdict, accepted = judge(raw, token.NewVerifier(keys, c.rules()), now)
	}
	if err := report(p.stdout, raw, verdict, accepted, now); err != nil {
		return err
	}
	if !accepted {
		return errRefused
	}
	return nil
}

func (cmd inspectCmd) read(ctx context.Context, stdin io.Reader) (string, error) {
	if cmd.Token != "" && cmd.Token != "-" {
		return cmd.Token, nil
	}
	return readToken(ctx, stdin, "no token: give it as an argument or on standard input")
}

// readToken reads a token from standard input; missing is the error when there is none.
func readToken(ctx context.Context, stdin io.Reader, missing configError) (string, error) {
	data, err := readAll(ctx, io.LimitReader(stdin, maxTokenBytes+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the token from standard input: %w", err)
	case len(data) > maxTokenBytes:
		return "", configError(fmt.Sprintf("standard input has more than %d bytes", maxTokenBytes))
	}
	raw := strings.TrimSpace(string(data))
	if raw == "" {
		return "", missing
	}
	return raw, nil
}

// readAll is io.ReadAll that a signal can interrupt: somebody may wait at a terminal and have nothing to type. What is
// still being read is abandoned, for the command ends.
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

// judge says what the server would make of the token.
func judge(raw string, v *token.Verifier, now time.Time) (verdict string, accepted bool) {
	_, err := v.Refresh(raw, now)
	if err == nil {
		return "as a refresh token", true
	}
	if errors.Is(err, token.ErrNotRefresh) {
		if _, other := v.Access(raw, now); other == nil {
			return "as an access token; it cannot be refreshed", true
		} else if !errors.Is(other, token.ErrNotAccess) {
			return "access token: " + other.Error(), false
		}
	}
	return err.Error(), false
}

func report(w io.Writer, raw, verdict string, accepted bool, now time.Time) error {
	header, claims := parts(raw)
	var out strings.Builder
	fmt.Fprintf(&out, "Header\n%s\n\nClaims\n%s\n", show(header), show(claims))
	if lines := times(claims, now); lines != "" {
		fmt.Fprintf(&out, "\nTimes\n%s", lines)
	}
	word := "Not accepted"
	if accepted {
		word = "Accepted"
	}
	fmt.Fprintf(&out, "\n%s: %s\n", word, verdict)
	_, err := io.WriteString(w, out.String())
	return err
}

// parts decodes header and claims without judging them; nil for what is not base64url.
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

// show indents JSON for a terminal. What could control the terminal is written as an escape.
func show(data []byte) string {
	var out bytes.Buffer
	out.WriteString("  ")
	if json.Indent(&out, data, "  ", "  ") != nil {
		return "  not readable: no JSON in base64url"
	}
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = printable(line)
	}
	return strings.Join(lines, "\n")
}
