package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"kalsel.dev/refresh/impl/edge"
	"kalsel.dev/refresh/impl/fake"
	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/impl/store"
)

// fakeSecret is the secret of a fake that is given none. It is public, so that tests can sign their
// own tokens.
const fakeSecret = "refreshd fake: everybody knows this secret" //nolint:gosec // not secret

type fakeCmd struct {
	AllowRemote bool     `help:"Listen where other machines can reach the fake."`
	AllowOrigin []string `placeholder:"ORIGIN" help:"Let pages of this origin call the fake."`
	Identity    bool     `help:"Play your user service (--identity-url) instead of refreshd."`
}

// Help adds details to the command's --help.
func (fakeCmd) Help() string {
	return `An origin is a scheme and a host, such as http://localhost:5173; * is every origin.
--allow-origin may be repeated.

With --identity the fake is a user service: it answers each request with the claims in the
request, until PUT /fake/users/IDENTITY or PUT /fake/next set another answer.`
}

const fakeText = `
Fake server at %[1]s: it keeps the contract, and misbehaves when it is told to. For tests only.
Secret (HS256): %[2]s

  curl -X POST %[1]s/fake/login
  curl -X PUT  %[1]s/fake/next -d '{"behaviour":"lose_answer"}'
  curl         %[1]s/fake/requests

`

const fakeUsersText = `
Fake user service at %[1]s: it echoes the claims, and misbehaves when it is told to. For tests only.

  refreshd --identity-url=%[1]s/
  curl -X PUT %[1]s/fake/users/ana@example.com -d '{"status":404}'
  curl -X PUT %[1]s/fake/next -d '{"behaviour":"hang"}'
  curl        %[1]s/fake/requests

`

// Run serves until ctx ends. Nothing is stored: revocations end with the process.
func (cmd fakeCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	if cmd.Identity {
		return cmd.runUsers(ctx, p, s)
	}
	shown := "as configured"
	if s.Secret == "" && s.SecretFile == "" {
		s.Secret, shown = fakeSecret, fakeSecret
	}
	if err := cmd.check(s); err != nil {
		return err
	}
	s.BrowserDoor = true
	logger, err := s.Logger(p.stderr)
	if err != nil {
		return err
	}
	source, err := s.OpenKeys(p.now, logger)
	if err != nil {
		return err
	}
	newHandler := func(now func() time.Time) (http.Handler, error) {
		db, err := store.Open(ctx, "sqlite::memory:") // it lives as long as the process
		if err != nil {
			return nil, err
		}
		wired, err := service.New(service.Config{
			Settings:    s,
			Keys:        source,
			Store:       db,
			Log:         logger,
			Now:         now,
			PlainCookie: true,
		})
		if err != nil {
			return nil, err
		}
		return wired.Public, nil
	}
	handler, err := fake.New(fake.Config{
		Keys:    source,
		Rules:   s.Rules(),
		Now:     p.now,
		Origins: cmd.AllowOrigin,
		Real:    newHandler,
	})
	if err != nil {
		return err
	}
	return serveFake(ctx, p, s, logger, handler, func(at string) string {
		return fmt.Sprintf(fakeText, at, shown)
	})
}

// runUsers serves as a user service until ctx ends.
func (cmd fakeCmd) runUsers(ctx context.Context, p *program, s *service.Settings) error {
	switch {
	case cmd.AllowOrigin != nil:
		return usageError("--allow-origin: cannot be used together with --identity")
	case s.IdentityUrl != "":
		return service.SettingError(s.Name(&s.IdentityUrl) + ": is for the server that asks; " +
			"leave it out where the fake is the user service")
	}
	if err := s.Check(); err != nil {
		return err
	}
	if err := cmd.checkListen(s); err != nil {
		return err
	}
	logger, err := s.Logger(p.stderr)
	if err != nil {
		return err
	}
	return serveFake(ctx, p, s, logger, fake.NewUsers(p.now), func(at string) string {
		return fmt.Sprintf(fakeUsersText, at)
	})
}

// serveFake serves the handler until ctx ends. text returns the text that is printed first, for a
// server at a URL.
func serveFake(
	ctx context.Context, p *program, s *service.Settings, logger *slog.Logger,
	handler http.Handler, text func(at string) string,
) error {
	port, err := edge.Listen(ctx, s.Name(&s.Listen), s.Listen, edge.DefaultLimits())
	if err != nil {
		return err
	}
	if _, err := io.WriteString(p.stdout, text("http://"+port.Addr().String())); err != nil {
		return errors.Join(err, port.Close())
	}
	logger.Info("listening", "address", port.Addr().String(), "version", buildVersion())
	served := edge.Port{Listener: port, Handler: handler}
	return edge.Serve(ctx, logger, edge.DefaultLimits(), served)
}

func (cmd fakeCmd) check(s *service.Settings) error {
	const one = ": the fake verifies and signs with one secret (HS256), --secret or --secret-file"
	switch {
	case s.Keys != "":
		return service.SettingError(s.Name(&s.Keys) + one)
	case s.IssuerJwks != "":
		return service.SettingError(s.Name(&s.IssuerJwks) + one)
	}
	for _, origin := range cmd.AllowOrigin {
		u, err := url.Parse(origin)
		if origin != "*" && (err != nil || u.Scheme+"://"+u.Host != origin || u.Host == "") {
			return usageError("--allow-origin: must be * or a scheme and a host, " +
				"such as http://localhost:5173")
		}
	}
	if err := s.Check(); err != nil {
		return err
	}
	return cmd.checkListen(s)
}

// checkListen fails if other machines could reach the fake, unless that is allowed.
func (cmd fakeCmd) checkListen(s *service.Settings) error {
	host, _, err := net.SplitHostPort(s.Listen)
	if !cmd.AllowRemote && (err != nil || !keys.IsLoopback(host)) {
		return service.SettingError(s.Name(&s.Listen) +
			": the fake obeys every caller. It listens on loopback only, unless --allow-remote is given")
	}
	return nil
}
