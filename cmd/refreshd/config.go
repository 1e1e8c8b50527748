package main

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/token"
)

const settingsGroup = "settings"

// Config holds every setting of refreshd: a flag, or the environment variable of the same name, or the default.
// The help texts are the documentation; README repeats them as a table, and a test compares the two.
type Config struct {
	Listen    string `group:"settings" env:"REFRESH_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Where the API is served. Port 0 takes a free one."`
	OpsListen string `group:"settings" env:"REFRESH_OPS_LISTEN" default:"127.0.0.1:9090" empty:"off" placeholder:"HOST:PORT" help:"Where /healthz, /readyz and /metrics are served. Empty switches them off."`

	Secret          *string `group:"settings" env:"REFRESH_SECRET" empty:"error" placeholder:"SECRET" help:"HS256 secret that the login service signs with, at least 32 bytes. As an argument it shows in process lists: prefer the variable or the file."`
	SecretFile      *string `group:"settings" env:"REFRESH_SECRET_FILE" empty:"error" placeholder:"PATH" help:"File that holds the secret: its raw bytes, without one newline at the end."`
	AllowWeakSecret bool    `group:"settings" env:"REFRESH_ALLOW_WEAK_SECRET" default:"false" help:"Accept a secret shorter than 32 bytes."`

	Keys       *string `group:"settings" env:"REFRESH_KEYS" empty:"error" placeholder:"PATH" help:"JWK Set file with the keys that verify and sign, in place of a secret. It is read again when it changes; refreshd keys manages it."`
	IssuerJwks string  `group:"settings" env:"REFRESH_ISSUER_JWKS" placeholder:"URL|PATH" help:"Where the login service publishes its public keys (JWK Set). They verify tokens whose iss is --issuer."`

	RequireType bool   `group:"settings" env:"REFRESH_REQUIRE_TYPE" default:"false" help:"Refuse refresh tokens without the claim type. Switch it on if your login service sets the claim."`
	Issuer      string `group:"settings" env:"REFRESH_ISSUER" placeholder:"NAME" help:"The iss that incoming tokens must have and new ones carry."`
	Audience    string `group:"settings" env:"REFRESH_AUDIENCE" placeholder:"NAME" help:"The aud that incoming tokens must have and new ones carry."`

	Store         string   `group:"settings" env:"REFRESH_STORE" default:"sqlite:refresh.db" placeholder:"URL" help:"Where revocations are kept: sqlite:FILE, sqlite::memory: or postgres://USER:PASSWORD@HOST/NAME."`
	MaxLifetime   lifetime `group:"settings" env:"REFRESH_MAX_LIFETIME" default:"365d" placeholder:"DURATION" help:"The longest that a refresh token may live. A revocation is remembered at least that long."`
	TokenLifetime lifetime `group:"settings" env:"REFRESH_TOKEN_LIFETIME" default:"0s" placeholder:"DURATION" help:"How long the login's refresh tokens live. Needed only if they have no iat: it then says when they were issued. 0s: not known."`

	Rotation        bool     `group:"settings" env:"REFRESH_ROTATION" default:"false" help:"Give a new refresh token with each refresh, and end a session whose token is reused."`
	RotationWindow  lifetime `group:"settings" env:"REFRESH_ROTATION_WINDOW" default:"30s" placeholder:"DURATION" help:"For how long after a rotation the old refresh token may come again: retries and other tabs."`
	IdleLifetime    lifetime `group:"settings" env:"REFRESH_IDLE_LIFETIME" default:"0s" placeholder:"DURATION" help:"With rotation, a session ends this long after its last use. 0s: it does not."`
	SessionLifetime lifetime `group:"settings" env:"REFRESH_SESSION_LIFETIME" default:"0s" placeholder:"DURATION" help:"With rotation, a session ends this long after its start. 0s: when the login's refresh token expires."`

	Docs       bool `group:"settings" env:"REFRESH_DOCS" default:"true" help:"Serve the documentation page at /docs. --docs=false switches it off."`
	Playground bool `group:"settings" env:"REFRESH_PLAYGROUND" default:"false" help:"Serve the playground at /playground, where anybody can log in as anybody. Never in production. Always on with a development key."`

	LogFormat string `group:"settings" env:"REFRESH_LOG_FORMAT" default:"text" placeholder:"FORMAT" help:"text or json. Logs go to standard error."`
	LogLevel  string `group:"settings" env:"REFRESH_LOG_LEVEL" default:"info" placeholder:"LEVEL" help:"debug (every request), info (also refused requests), warn or error (our own failures)."`
}

// invalid is the error for a setting whose value is no good, under the names that the operator may have used.
func invalid(flag, problem string) configError {
	variable := "REFRESH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
	return configError(fmt.Sprintf("--%s/%s: %s", flag, variable, problem))
}

// rules are the settings that decide which tokens are acceptable.
func (c *Config) rules() token.Rules {
	return token.Rules{
		Issuer: c.Issuer, Audience: c.Audience, RequireType: c.RequireType,
		TokenLifetime: time.Duration(c.TokenLifetime), MaxLifetime: time.Duration(c.MaxLifetime),
	}
}

// checkAddress reports whether address can be listened on at all, before anything is opened.
func checkAddress(flag, address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return invalid(flag, fmt.Sprintf("%q is not HOST:PORT, such as 127.0.0.1:8080", address))
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return invalid(flag, fmt.Sprintf("%q is not a port number from 0 to 65535", port))
	}
	return nil
}

// checkLifetimes reports settings of the two that exclude each other.
func (c *Config) checkLifetimes() error {
	if time.Duration(c.MaxLifetime) < time.Second {
		return invalid("max-lifetime", "must be at least one second")
	}
	if c.TokenLifetime > c.MaxLifetime {
		return invalid("token-lifetime", "must not be more than --max-lifetime")
	}
	return c.checkRotation()
}

func (c *Config) logger(w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
	}
	level, ok := levels[c.LogLevel]
	if !ok {
		return nil, invalid("log-level", fmt.Sprintf("%q is none of debug, info, warn, error", c.LogLevel))
	}
	options := &slog.HandlerOptions{Level: level}
	switch c.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, invalid("log-format", fmt.Sprintf("%q is neither text nor json", c.LogFormat))
}
