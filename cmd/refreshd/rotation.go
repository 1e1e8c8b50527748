package main

import (
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// checkRotation reports settings of rotation that cannot do what they were meant to.
func (c *Config) checkRotation() error {
	for flag, life := range map[string]lifetime{"idle-lifetime": c.IdleLifetime, "session-lifetime": c.SessionLifetime} {
		switch {
		case life == 0:
		case !c.Rotation:
			return invalid(flag, "needs --rotation/REFRESH_ROTATION: without it nothing is known of a session but its tokens")
		case time.Duration(life) < time.Second || life <= c.RotationWindow:
			return invalid(flag, "must be at least one second, and more than --rotation-window")
		case life > c.MaxLifetime:
			return invalid(flag, "must not be more than --max-lifetime")
		}
	}
	return nil
}

// rotation is nil where it is off.
func (c *Config) rotation(db *store.Store) *session.Rotation {
	if !c.Rotation {
		return nil
	}
	return &session.Rotation{
		Sessions: db, Directory: db, Window: time.Duration(c.RotationWindow),
		IdleLifetime: time.Duration(c.IdleLifetime), SessionLifetime: time.Duration(c.SessionLifetime),
	}
}

// keyCheck refuses, at the start and whenever keys are read again, those that rotation cannot work with.
func (c *Config) keyCheck(now func() time.Time) func(*jwk.Set) error {
	if !c.Rotation {
		return nil
	}
	return func(set *jwk.Set) error { return session.CheckKeys(set, now()) }
}
