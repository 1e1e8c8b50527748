package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/token"
)

type tokenCmd struct {
	Issue   issueCmd   `cmd:"" help:"Sign a refresh token with the configured key, as a login service would."`
	Inspect inspectCmd `cmd:"" help:"Show what a token says and whether this configuration accepts it."`
}

type issueCmd struct {
	Identity string   `required:"" placeholder:"WHO" help:"Whose token it is: the claim identity."`
	Name     string   `placeholder:"NAME" help:"The claim name."`
	Admin    bool     `help:"Set the claim is_admin."`
	TTL      string   `name:"ttl" placeholder:"DURATION" help:"How long it lives, such as 30d, 12h or 90m (default 30d; 1h with --access). A negative one gives a token that has expired."`
	Claim    []string `sep:"none" placeholder:"NAME=VALUE" help:"A claim of your own; may be repeated. A value that is JSON is taken as JSON, any other as a string."`
	Access   bool     `help:"Sign an access token instead."`
	Fresh    bool     `help:"With --access: as if its owner had just typed a password. Administration needs --admin --access --fresh."`
}

// Run prints the token alone, so that it can be used in a script.
func (cmd issueCmd) Run(p *program, c *Config) error {
	l, err := cmd.login()
	if err != nil {
		return err
	}
	keys, err := c.keySource(p, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	now := p.now()
	signed, err := l.sign(keys, c.rules(), now)
	if err != nil {
		return fmt.Errorf("sign the token: %w", err)
	}
	if err := l.check(signed, token.NewVerifier(keys, c.rules()), now); err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.stdout, signed)
	return err
}

func (cmd issueCmd) login() (login, error) {
	l := login{Identity: cmd.Identity, Name: cmd.Name, Admin: cmd.Admin, Access: cmd.Access, Fresh: cmd.Fresh}
	if cmd.Identity == "" {
		return l, configError("--identity: must not be empty")
	}
	if cmd.Fresh && !cmd.Access {
		return l, configError("--fresh: only an access token can be fresh; add --access")
	}
	var err error
	if l.TTL, err = cmd.ttl(); err != nil {
		return l, err
	}
	l.Claims, err = parseClaims(cmd.Claim)
	return l, err
}

func (cmd issueCmd) ttl() (time.Duration, error) {
	switch {
	case cmd.TTL != "":
		return parseTTL(cmd.TTL)
	case cmd.Access:
		return time.Hour, nil
	}
	return 30 * 24 * time.Hour, nil
}

// check refuses to hand out a token that this very configuration would not take, expired ones aside.
func (l login) check(signed string, v *token.Verifier, now time.Time) error {
	verify := v.Refresh
	if l.Access {
		verify = v.Access
	}
	if _, err := verify(signed, now); err != nil && !errors.Is(err, token.ErrExpired) {
		return configError("this configuration would not accept the token: " + err.Error())
	}
	return nil
}

// parseTTL reads a lifetime that may be negative, for a token that has expired.
func parseTTL(s string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(s, "-")
	total, err := parseLifetime(rest)
	switch {
	case err != nil:
		return 0, configError(fmt.Sprintf("--ttl: %q %v", s, err))
	case total < time.Second:
		return 0, configError("--ttl: must be at least one second")
	case negative:
		return -total, nil
	}
	return total, nil
}
