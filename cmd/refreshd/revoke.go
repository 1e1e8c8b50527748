package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// revokeCmd revokes sessions in the store that the servers use. The servers reject their tokens
// from then on, as if one of the servers had revoked them.
type revokeCmd struct {
	Token    string `placeholder:"-" help:"Revoke the session of the token on standard input."`
	Identity string `placeholder:"IDENTITY" help:"Revoke all sessions of this identity."`
	Session  string `placeholder:"ID" help:"Revoke the session with this ID."`
	Reason   string `placeholder:"TEXT" help:"The reason that the list of revocations shows."`
}

// Help adds details to the command's --help.
func (revokeCmd) Help() string {
	return `Give one of --token=-, --identity and --session. The token may have expired. --identity
revokes the sessions that have started so far: the user can log in again a second later. A session's
ID has 64 lower-case hexadecimal digits.`
}

// maxReason is in characters, as in the contract.
const maxReason = 200

// revokeFunc makes the revocation that the arguments name.
type revokeFunc func(context.Context, *session.Revoker) (revocation.Revocation, error)

// Run returns when no server accepts a revoked refresh token any more.
func (cmd revokeCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	if err := errors.Join(cmd.check(), s.CheckLifetimes()); err != nil {
		return err
	}
	revoke, err := cmd.prepare(ctx, p, s)
	if err != nil {
		return err
	}
	logger, err := s.Logger(p.stderr)
	if err != nil {
		return err
	}
	db, err := existingStore(ctx, s)
	if err != nil {
		return err
	}
	defer db.Close()
	clocks := revocation.NewClockCheck(db, p.clock, time.Duration(s.ClockSkew), logger)
	clocks.Compare(ctx)
	revoked, err := revoke(ctx, session.NewRevoker(session.RevokerConfig{
		Store:       db,
		Clock:       p.clock,
		Clocks:      clocks,
		Log:         logger,
		MaxLifetime: time.Duration(s.MaxLifetime),
	}))
	switch {
	case errors.Is(err, revocation.ErrClock):
		return fmt.Errorf("no session was revoked: %w: set the clock of this machine right", err)
	case errors.Is(err, revocation.ErrUnavailable):
		const advice = "the store did not confirm the revocation; run the command again"
		return fmt.Errorf(advice+": %w", err)
	case err != nil:
		return fmt.Errorf("revoke: %w", err)
	}
	_, err = fmt.Fprintf(p.stdout, "Revoked %s, at %s. Sequence %d\n",
		subject(revoked), timestamp(revoked.RevokedAt), revoked.Sequence)
	if err == nil && revoked.Kind == revocation.OfIdentity && s.TokenLifetime == 0 {
		_, err = fmt.Fprintf(p.stdout, "The identity can log in again. But without %s, refresh tokens "+
			"of the identity that have no iat are rejected from now on, new ones too.\n", s.Name(&s.TokenLifetime))
	}
	return err
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
		return usageError("give one of --token=-, --identity=IDENTITY and --session=ID")
	case cmd.Token != "" && cmd.Token != "-":
		return usageError("--token: must be -; write the token to standard input, " +
			"because arguments are visible in process lists")
	case len([]rune(cmd.Reason)) > maxReason:
		return usageError(fmt.Sprintf("--reason: must have at most %d characters", maxReason))
	}
	return nil
}

// prepare reads and checks the arguments before the store is opened.
func (cmd revokeCmd) prepare(
	ctx context.Context, p *program, s *service.Settings,
) (revokeFunc, error) {
	by := session.Origin{Actor: session.ActorCLI + localUser(), Reason: cmd.Reason}
	switch {
	case cmd.Identity != "":
		return func(ctx context.Context, r *session.Revoker) (revocation.Revocation, error) {
			return r.RevokeIdentity(ctx, cmd.Identity, by)
		}, nil
	case cmd.Session != "":
		id, err := revocation.ParseSessionID(cmd.Session)
		if err != nil {
			return nil, usageError("--session: must be 64 lower-case hexadecimal digits")
		}
		return func(ctx context.Context, r *session.Revoker) (revocation.Revocation, error) {
			return r.RevokeSession(ctx, id, "", by)
		}, nil
	}
	raw, err := readToken(ctx, p.stdin)
	if err != nil {
		return nil, err
	}
	keys, err := s.OpenKeysOnce(ctx, p.now, warnings(p))
	if err != nil {
		return nil, err
	}
	// Only a token that the servers accept, or would accept had it not expired, names a session.
	t, err := token.NewVerifier(keys, s.Rules()).Refresh(raw, p.now())
	if err != nil && !errors.Is(err, token.ErrExpired) {
		return nil, fmt.Errorf("no session was revoked: %w", err)
	}
	return func(ctx context.Context, r *session.Revoker) (revocation.Revocation, error) {
		return r.RevokeToken(ctx, t, by)
	}, nil
}

// localUser returns the name of the user who runs this command. Under sudo it is the user who ran
// sudo.
func localUser() string {
	if name := os.Getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return "uid " + strconv.Itoa(os.Getuid())
}

// noStore is the error about a file of a store that does not exist, after its path.
const noStore = ": there is no such file; name the store that the servers use"

// existingStore opens the store that the servers use. It fails if the file does not exist: a new
// file would be a store that no server uses.
func existingStore(ctx context.Context, s *service.Settings) (*store.Store, error) {
	if path, ok := strings.CutPrefix(s.Store, "sqlite:"); ok {
		problem := ""
		if path == ":memory:" {
			problem = "sqlite::memory: exists only within a server; this command cannot see it"
		} else if _, err := os.Stat(path); err != nil {
			problem = path + noStore
		}
		if problem != "" {
			return nil, service.SettingError(s.Name(&s.Store) + ": " + problem)
		}
	}
	return s.OpenStore(ctx)
}

// subject names the revoked session or identity, for people.
func subject(r revocation.Revocation) string {
	switch {
	case r.Kind == revocation.OfIdentity:
		return "all sessions of " + printable(r.Identity)
	case r.Identity == "":
		return "session " + r.Session.String()
	}
	return "session " + r.Session.String() + " of " + printable(r.Identity)
}

func timestamp(milliseconds int64) string {
	return time.UnixMilli(milliseconds).UTC().Format(timeFormat)
}
