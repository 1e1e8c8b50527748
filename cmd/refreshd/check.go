package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

type checkCmd struct {
	Token string `placeholder:"-" help:"Also tell whether the refresh token on standard input would be accepted."`
}

// Help adds details to the command's --help.
func (checkCmd) Help() string {
	return `Checks all that a server needs before it can serve, and changes nothing. The exit status
is 0 if a server could start and serve, and 1 if not. Warnings do not count. A server may be running.

Give it a refresh token of your login with --token=-: if the settings, such as --login, would reject
it, a warning says why. With --identity-url, the user service is asked for the user of that token.`
}

// check is the result of the checks so far.
type check struct {
	out    strings.Builder
	failed bool
}

func (c *check) ok(topic, text string)   { fmt.Fprintf(&c.out, "ok    %-8s  %s\n", topic, text) }
func (c *check) skip(topic, text string) { fmt.Fprintf(&c.out, "skip  %-8s  %s\n", topic, text) }
func (c *check) warn(topic, text string) { fmt.Fprintf(&c.out, "warn  %-8s  %s\n", topic, text) }
func (c *check) fail(topic, text string) {
	c.failed = true
	fmt.Fprintf(&c.out, "FAIL  %-8s  %s\n", topic, strings.ReplaceAll(text, "\n", " "))
}

// Run prints one line for each result.
func (cmd checkCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	raw := ""
	switch cmd.Token {
	case "":
	case "-":
		var err error
		if raw, err = readToken(ctx, p.stdin); err != nil {
			return err
		}
	default:
		return usageError("--token: must be -; write the token to standard input, " +
			"because arguments are visible in process lists")
	}
	c := &check{}
	c.settings(p, s)
	if !c.failed {
		if source := c.keys(ctx, p, s); source != nil && raw != "" {
			c.token(ctx, p, raw, source, s)
		}
		if raw == "" && s.IdentityUrl != "" {
			c.skip("user", "the user service was not asked: give a refresh token with --token=- to do so")
		}
		c.store(ctx, p, s)
	}
	if _, err := io.WriteString(p.stdout, c.out.String()); err != nil {
		return err
	}
	if c.failed {
		return errReported
	}
	return nil
}

// settings checks the settings alone. Dangerous ones are warnings.
func (c *check) settings(p *program, s *service.Settings) {
	if err := s.Check(); err != nil {
		c.fail("settings", err.Error())
		return
	}
	if _, err := s.Logger(io.Discard); err != nil {
		c.fail("settings", err.Error())
		return
	}
	if err := s.CheckCredentials(p.now); err != nil {
		c.fail("settings", err.Error())
		return
	}
	if _, err := s.Certificate(slog.New(slog.DiscardHandler)); err != nil {
		c.fail("settings", err.Error())
		return
	}
	c.ok("settings", "every value is acceptable, and none contradicts another")
	s.Warn(c.warnings("settings"), p.arguments)
	host, _, err := net.SplitHostPort(s.Listen)
	if err == nil && !keys.IsLoopback(host) && s.TLSCert == "" {
		c.warn("settings", s.Name(&s.Listen)+" is reachable from other machines without TLS: "+
			"set "+s.Name(&s.TLSCert)+", or let only a proxy that speaks TLS reach it")
	}
}

// keys checks that there are keys that can be used now, and returns them; nil if there are none. The
// keys of the issuer are fetched.
func (c *check) keys(ctx context.Context, p *program, s *service.Settings) *keys.Source {
	source, err := s.OpenServerKeys(p.now, c.warnings("keys"))
	if err != nil {
		c.fail("keys", err.Error())
		return nil
	}
	if !s.HasKey() {
		c.warn("keys", "there is none: the server makes a development key at random")
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := source.Once(ctx); err != nil {
		c.fail("keys", err.Error())
		return nil
	}
	if err := source.Ready(); err != nil {
		c.fail("keys", err.Error())
		return nil
	}
	c.ok("keys", "can be read, and one of them signs")
	return source
}

// token checks whether a server would accept a refresh token that is in use, and whether the user
// service answers for its user.
func (c *check) token(
	ctx context.Context, p *program, raw string, keys *keys.Source, s *service.Settings,
) {
	rules := s.Rules()
	v := token.NewVerifier(keys, rules)
	t, err := v.Refresh(raw, p.now())
	if err != nil {
		_, other := v.Access(raw, p.now())
		if errors.Is(err, token.ErrSignature) && other == nil {
			err = errors.New("it is an access token: the secret of " + s.Name(&s.AccessSecretFile) +
				" signed it")
		}
		c.warn("token", "would be rejected: "+err.Error()+". "+likeness(raw, s))
		return
	}
	c.ok("token", "would be accepted")
	if s.IdentityUrl == "" {
		return
	}
	config := service.Config{Settings: s, Now: p.now, Log: c.warnings("user")}
	switch err := config.AskUser(ctx, t); {
	case err == nil:
		c.ok("user", "the user service answers with claims for the user of the token")
	case errors.Is(err, session.ErrNotAllowed):
		c.warn("user", "the user service rejects the user of the token: a refresh would answer 422")
	case errors.Is(err, session.ErrIdentityGone):
		c.warn("user", "the user service does not know the user of the token: a refresh would revoke "+
			"the session")
	default:
		c.fail("user", s.Name(&s.IdentityUrl)+": the user service gave no usable answer: "+err.Error())
	}
}

// store checks the store, its schema and its clock, and creates nothing.
func (c *check) store(ctx context.Context, p *program, s *service.Settings) {
	before := p.now()
	found, err := store.Inspect(ctx, s.Store)
	after := p.now()
	if err != nil {
		c.fail("store", s.Name(&s.Store)+": "+err.Error())
		return
	}
	at, _ := withoutPassword(s.Store)
	if found.Missing {
		c.ok("store", at+": there is none yet: the server creates it when it starts")
	} else {
		c.ok("store", at+": can be used")
	}
	switch {
	case found.Have == found.Know:
		c.ok("schema", fmt.Sprintf("version %d", found.Have))
	case found.Have > found.Know:
		const text = "version %d; this program knows versions up to %d and may use it"
		c.warn("schema", fmt.Sprintf(text, found.Have, found.Know))
	case found.Missing:
	case found.Have == 0:
		c.ok("schema", "there is none yet: the server, or refreshd migrate, makes it")
	default:
		const text = "version %d: the server brings it to version %d when it starts"
		c.warn("schema", fmt.Sprintf(text, found.Have, found.Know))
	}
	c.clock(s, found, before, after)
}

// clock compares this machine's clock with the store's, which was read between the two times.
func (c *check) clock(s *service.Settings, found store.Inspection, before, after time.Time) {
	if !found.HasClock {
		c.ok("clock", "the clock of the store is that of this machine")
		return
	}
	stored, off := time.UnixMilli(found.Clock), time.Duration(0)
	switch {
	case stored.Before(before):
		off = before.Sub(stored)
	case stored.After(after):
		off = stored.Sub(after)
	}
	if skew := time.Duration(s.ClockSkew); skew != 0 && off > skew {
		const text = "differs from the store's by %v, and %s allows %v: set it right"
		c.fail("clock", fmt.Sprintf(text, off.Round(time.Millisecond), s.Name(&s.ClockSkew), skew))
		return
	}
	most := (off + after.Sub(before)).Round(time.Millisecond)
	c.ok("clock", fmt.Sprintf("differs from the store's by at most %v", most))
}
