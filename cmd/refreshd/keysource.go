package main

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"kalsel.dev/refresh/impl/keys"
)

// keySource opens the configured keys; errNoKey if there are none.
func (c *Config) keySource(p *program, log *slog.Logger) (*keys.Source, error) {
	file, err := c.keyFile()
	if err != nil {
		return nil, err
	}
	if file != "" {
		return c.openKeys(keys.Config{File: file}, p, log)
	}
	set, err := c.keySet()
	if err != nil {
		return nil, err
	}
	return c.openKeys(keys.Config{Set: set}, p, log)
}

// commandKeys is keySource for a command, which verifies tokens as the servers do: the issuer is asked once.
func (c *Config) commandKeys(ctx context.Context, p *program) (*keys.Source, error) {
	source, err := c.keySource(p, slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return nil, err
	}
	_ = source.Once(ctx) // the log says why the issuer's keys are missing; ours may do
	return source, nil
}

// keyFile returns the file of keys; empty without one.
func (c *Config) keyFile() (string, error) {
	switch {
	case c.Keys == nil:
		return "", nil
	case *c.Keys == "":
		return "", invalid("keys", "is set but empty")
	case c.Secret != nil || c.SecretFile != nil:
		return "", configError("--keys/REFRESH_KEYS cannot be used together with --secret/REFRESH_SECRET or --secret-file/REFRESH_SECRET_FILE " +
			"(refreshd keys new --import-secret takes a secret into the file)")
	}
	return *c.Keys, nil
}

func (c *Config) openKeys(config keys.Config, p *program, log *slog.Logger) (*keys.Source, error) {
	config.Issuer, config.AllowWeak, config.Now, config.Log = c.IssuerJwks, c.AllowWeakSecret, p.now, log
	config.Check = c.keyCheck(p.now)
	if c.IssuerJwks != "" && c.Issuer == "" {
		return nil, invalid("issuer-jwks", "needs --issuer/REFRESH_ISSUER: these keys verify only tokens with that iss")
	}
	if err := keys.CheckIssuer(c.IssuerJwks); err != nil {
		return nil, invalid("issuer-jwks", err.Error())
	}
	source, err := keys.New(config)
	if err != nil {
		return nil, invalid("keys", err.Error())
	}
	return source, nil
}

// follow keeps the keys up to date until ctx ends.
func (c *Config) follow(source *keys.Source) func(context.Context) {
	return func(ctx context.Context) {
		// Where there is nothing to read again, SIGHUP keeps its usual effect.
		if c.Keys != nil || c.IssuerJwks != "" {
			hangups := make(chan os.Signal, 1)
			signal.Notify(hangups, syscall.SIGHUP)
			defer signal.Stop(hangups)
			go reload(ctx, hangups, source)
		}
		source.Run(ctx)
	}
}

// reload reads the files and asks the issuer at each signal.
func reload(ctx context.Context, signals <-chan os.Signal, source *keys.Source) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-signals:
			source.Reload()
		}
	}
}
