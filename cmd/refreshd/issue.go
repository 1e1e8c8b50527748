package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/token"
)

type tokenCmd struct {
	Issue   issueCmd   `cmd:"" help:"Sign a refresh token, as a login service would."`
	Inspect inspectCmd `cmd:"" help:"Show a token, and whether the settings accept it."`
}

type issueCmd struct {
	Identity string   `required:"" placeholder:"IDENTITY" help:"The identity."`
	Name     string   `placeholder:"NAME" help:"The claim name."`
	Admin    bool     `help:"Set the claim is_admin."`
	TTL      string   `name:"ttl" placeholder:"DURATION" help:"The token's lifetime (default 30d, or 1h with --access)."`
	Claim    []string `sep:"none" placeholder:"NAME=VALUE" help:"Add a claim."`
	Access   bool     `help:"Sign an access token instead."`
	Fresh    bool     `help:"With --access: set fresh, as after a login with a password."`
}

// Help adds details to the command's --help.
func (issueCmd) Help() string {
	return `A lifetime is a duration such as 30d, 12h or 90m. A negative one makes an expired
token. --claim may be repeated. Its value is read as JSON if it is JSON, else as a string. For
administration a token needs --admin --access --fresh.`
}

// Run prints the token alone, so that it can be used in a script.
func (cmd issueCmd) Run(p *program, s *service.Settings) error {
	t, err := cmd.token(s.Rules().Profile)
	if err != nil {
		return err
	}
	keys, err := s.OpenKeys(p.now, warnings(p))
	if err != nil {
		return err
	}
	now := p.now()
	signed, err := t.Sign(keys, s.Rules(), now)
	if err != nil {
		return fmt.Errorf("sign the token: %w", err)
	}
	verify := token.NewVerifier(keys, s.Rules()).Refresh
	if cmd.Access {
		verify = token.NewVerifier(keys, s.Rules()).Access
	}
	// An expired token may be issued on purpose. Any other fault is a mistake in the arguments.
	if _, err := verify(signed, now); err != nil && !errors.Is(err, token.ErrExpired) {
		return usageError("this configuration would not accept the token: " + err.Error())
	}
	_, err = fmt.Fprintln(p.stdout, signed)
	return err
}

func (cmd issueCmd) token(p *token.Profile) (login.Token, error) {
	t := login.Token{
		Identity: cmd.Identity,
		Name:     cmd.Name,
		Admin:    cmd.Admin,
		Access:   cmd.Access,
		Fresh:    cmd.Fresh,
		Lifetime: 30 * 24 * time.Hour,
	}
	if cmd.Identity == "" {
		return t, usageError("--identity: must not be empty")
	}
	if cmd.Fresh && !cmd.Access {
		return t, usageError("--fresh: only an access token can be fresh; add --access")
	}
	if cmd.Access {
		t.Lifetime = time.Hour
	}
	var err error
	if cmd.TTL != "" {
		if t.Lifetime, err = parseTTL(cmd.TTL); err != nil {
			return t, err
		}
	}
	t.Claims, err = parseClaims(p, cmd.Claim)
	return t, err
}

// parseTTL reads a lifetime. A negative lifetime is for a token that has expired.
func parseTTL(s string) (time.Duration, error) {
	rest, negative := strings.CutPrefix(s, "-")
	total, err := service.ParseDuration(rest)
	switch {
	case err != nil:
		return 0, usageError(fmt.Sprintf("--ttl: %q %v", s, err))
	case total < time.Second:
		return 0, usageError("--ttl: must be at least one second")
	case negative:
		return -total, nil
	}
	return total, nil
}

// parseClaims reads NAME=VALUE pairs. A value that is JSON is kept; any other value is a string. A
// claim that has a meaning in the profile cannot be set.
func parseClaims(p *token.Profile, pairs []string) ([]login.Claim, error) {
	var claims []login.Claim
	for _, pair := range pairs {
		name, value, found := strings.Cut(pair, "=")
		switch {
		case !found || name == "":
			return nil, usageError("--claim: must be NAME=VALUE")
		case strings.EqualFold(name, "name"), p.Meaning(name), p.Meaning(strings.ToLower(name)):
			return nil, usageError(fmt.Sprintf(
				"--claim: %q cannot be set; refreshd sets this claim itself", name))
		case slices.ContainsFunc(claims, func(c login.Claim) bool { return c.Name == name }):
			return nil, usageError(fmt.Sprintf("--claim: %q is given more than once", name))
		}
		raw := json.RawMessage(value)
		if !json.Valid(raw) {
			var err error
			if raw, err = json.Marshal(value); err != nil {
				return nil, err
			}
		}
		claims = append(claims, login.Claim{Name: name, Value: raw})
	}
	return claims, nil
}
