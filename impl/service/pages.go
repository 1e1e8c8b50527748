package service

import (
	"context"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/login"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/web"
)

// pages returns the documentation, the session keeper and the playground, as far as they are
// switched on.
func (c Config) pages(sessions *session.Service) []web.Route {
	o := web.Options{
		Docs:   c.Settings.Docs,
		Manual: refresh.Manual,
		PlaygroundHint: "start the server without a key, or with " +
			c.Settings.Name(&c.Settings.Playground),
	}
	if c.Development || c.Settings.Playground {
		o.Playground = c.playground(sessions)
	}
	return web.Routes(o)
}

// playground acts as a login service, and as an API that identifies its caller.
func (c Config) playground(sessions *session.Service) *web.PlaygroundOptions {
	var window time.Duration
	if c.Settings.Rotation {
		window = time.Duration(c.Settings.RotationWindow+c.Settings.ClockSkew) + time.Second
	}
	return &web.PlaygroundOptions{
		Administrators: c.Development,
		BrowserDoor:    c.Settings.BrowserDoor,
		Window:         window,
		Login: func(_ context.Context, r web.LoginRequest) (string, string, int64, error) {
			user := login.Token{Identity: r.Identity, Name: r.Name, Admin: r.Admin}
			p, err := user.Pair(
				c.Keys, c.Settings.Rules(), c.Now(), r.AccessLifetime, r.RefreshLifetime)
			return p.AccessToken, p.RefreshToken, p.Expires, err
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
