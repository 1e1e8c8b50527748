package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// revokeCmd ends sessions in the store that the servers use. They obey at once, as they do when another server ends them.
type revokeCmd struct {
	Token    string `placeholder:"-" help:"End the session of a refresh token, which is read from standard input: arguments show in process lists. It may have expired."`
	Identity string `placeholder:"WHO" help:"End all sessions of this identity that started up to now. It can log in again at once."`
	Session  string `placeholder:"ID" help:"End the session with this ID, 64 lower-case hexadecimal digits."`
	Reason   string `placeholder:"TEXT" help:"Why, for whoever reads the list later."`
}

// maxReason is in characters, as in the contract.
const maxReason = 200

// Run returns when no server accepts a refresh token any more of what was ended.
func (cmd revokeCmd) Run(ctx context.Context, p *program, c *Config) error {
	if err := errors.Join(cmd.check(), c.checkLifetimes()); err != nil {
		return err
	}
	end, err := cmd.prepare(ctx, p, c)
	if err != nil {
		return err
	}
	logger, err := c.logger(p.stderr)
	if err != nil {
		return err
	}
	db, err := c.existingStore(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	ended, err := end(ctx, session.NewRevoker(session.RevokerConfig{
		Ledger: db, Clock: session.SystemClock(), Log: logger, MaxLifetime: time.Duration(c.MaxLifetime),
		Successors: c.Rotation,
	}))
	switch {
	case errors.Is(err, session.ErrUnavailable):
		return fmt.Errorf("nobody knows whether that has ended, try again: %w", err)
	case err != nil:
		return fmt.Errorf("revoke: %w", err)
	}
	return cmd.report(p, c, ended)
}

func (cmd revokeCmd) check() error {
	given := 0
	for _, value := range []string{cmd.Token, cmd.Identity, cmd.Session} {
		if value != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return configError("what is to end? Give one of --token=-, --identity=WHO and --session=ID")
	case cmd.Token != "" && cmd.Token != "-":
		return configError("--token: must be -, and the token comes on standard input: arguments show in process lists")
	case len([]rune(cmd.Reason)) > maxReason:
		return configError(fmt.Sprintf("--reason: must have at most %d characters", maxReason))
	}
	return nil
}

// prepare finds out what is to end, before the store is touched.
func (cmd revokeCmd) prepare(
	ctx context.Context, p *program, c *Config,
) (func(context.Context, *session.Revoker) (session.Revocation, error), error) {
	switch {
	case cmd.Identity != "":
		return func(ctx context.Context, r *session.Revoker) (session.Revocation, error) {
			return r.EndIdentity(ctx, cmd.Identity, cmd.Reason)
		}, nil
	case cmd.Session != "":
		id, err := session.ParseID(cmd.Session)
		if err != nil {
			return nil, configError("--session: must be 64 lower-case hexadecimal digits")
		}
		return func(ctx context.Context, r *session.Revoker) (session.Revocation, error) {
			return r.EndSession(ctx, id, "", cmd.Reason)
		}, nil
	}
	t, err := cmd.genuine(ctx, p, c)
	return func(ctx context.Context, r *session.Revoker) (session.Revocation, error) {
		return r.EndToken(ctx, t, cmd.Reason)
	}, err
}

// genuine reads the refresh token. Only one that the servers take may end a session; an expired one may.
func (cmd revokeCmd) genuine(ctx context.Context, p *program, c *Config) (*token.Token, error) {
	raw, err := readToken(ctx, p.stdin, "no token on standard input")
	if err != nil {
		return nil, err
	}
	keys, err := c.commandKeys(ctx, p)
	if err != nil {
		return nil, err
	}
	t, err := token.NewVerifier(keys, c.rules()).Refresh(raw, p.now())
	if err != nil && !errors.Is(err, token.ErrExpired) {
		return nil, fmt.Errorf("nothing has ended: %w", err)
	}
	return t, nil
}

// existingStore opens the store that the servers use. A file that is not there is none of theirs: to make it would end nothing.
func (c *Config) existingStore(ctx context.Context) (*store.Store, error) {
	if path, ok := strings.CutPrefix(c.Store, "sqlite:"); ok {
		if path == ":memory:" {
			return nil, invalid("store", "sqlite::memory: is within a server; this command cannot see it")
		}
		if _, err := os.Stat(path); err != nil {
			return nil, invalid("store", fmt.Sprintf("%s: there is no such file; name the store that the servers use", path))
		}
	}
	return c.openStore(ctx)
}

func (c *Config) openStore(ctx context.Context) (*store.Store, error) {
	db, err := store.Open(ctx, c.Store)
	if bad, ok := errors.AsType[store.BadURL](err); ok {
		return nil, invalid("store", bad.Error())
	}
	return db, err
}

func (cmd revokeCmd) report(p *program, c *Config, r session.Revocation) error {
	_, err := fmt.Fprintf(p.stdout, "Ended %s, at %s. Sequence %d\n", what(r), timestamp(r.RevokedAt), r.Sequence)
	if err == nil && r.OfIdentity() && c.TokenLifetime == 0 {
		_, err = fmt.Fprintln(p.stdout, "Refresh tokens of this identity without iat are refused from now on, new ones too, "+
			"unless the servers have REFRESH_TOKEN_LIFETIME.")
	}
	return err
}

// what names a revocation for people.
func what(r session.Revocation) string {
	switch {
	case r.OfIdentity():
		return "all sessions of " + printable(r.Identity)
	case r.Identity == "":
		return "session " + r.Session.String()
	}
	return "session " + r.Session.String() + " of " + printable(r.Identity)
}

func timestamp(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format("2006-01-02 15:04:05 UTC")
}
