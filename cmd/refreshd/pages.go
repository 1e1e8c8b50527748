package main

import (
	"context"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/web"
)

// pages are the documentation, the session keeper and the playground, as far as they are switched on.
func (c *Config) pages(p *program, keys jwk.Source, sessions *session.Service, development bool) []web.Route {
	o := web.Options{
		Docs:           c.Docs,
		PlaygroundHint: "start the server without a key, or with --playground",
	}
	if development || c.Playground {
		o.Playground = c.playground(p, keys, sessions)
	}
	return web.Routes(o)
}

// playground plays the login service, and an API that asks who is calling.
func (c *Config) playground(p *program, keys jwk.Source, sessions *session.Service) *web.PlaygroundOptions {
	return &web.PlaygroundOptions{
		Login: func(_ context.Context, r web.LoginRequest) (access, refresh string, expires int64, err error) {
			now := p.now()
			user := login{Identity: r.Identity, Name: r.Name, Access: true, Fresh: true, TTL: r.AccessLifetime}
			if access, err = user.sign(keys, c.rules(), now); err != nil {
				return "", "", 0, err
			}
			user.Access, user.TTL = false, r.RefreshLifetime
			refresh, err = user.sign(keys, c.rules(), now)
			return access, refresh, now.Add(r.AccessLifetime).Unix(), err
		},
		Identify: func(ctx context.Context, access string) (string, error) {
			t, err := sessions.Authenticate(ctx, access)
			if err != nil {
				return "", err
			}
			return t.Identity, nil
		},
	}
}
