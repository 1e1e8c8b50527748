package service

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// Settings holds every setting: its flag, else its environment variable, else its default. Flag and
// variable follow from the field's name; meaning.go describes each setting. With empty:"off"
// an empty value switches a feature off; for all other settings an empty value is an error. With
// secret:"true" the value is never shown.
type Settings struct {
	Listen    string `default:"127.0.0.1:8080" placeholder:"HOST:PORT"`
	OpsListen string `default:"127.0.0.1:9090" placeholder:"HOST:PORT" empty:"off"`

	TLSCert        string   `placeholder:"PATH"`
	TLSKey         string   `placeholder:"PATH"`
	TrustedProxies []string `placeholder:"CIDR"`
	CORSOrigin     []string `placeholder:"ORIGIN"`
	RateLimit      float64  `default:"0" placeholder:"NUMBER"`
	RateBurst      int      `default:"50" placeholder:"NUMBER"`
	MaxInFlight    int      `default:"256" placeholder:"NUMBER"`
	MaxConnections int      `default:"0" placeholder:"NUMBER"`

	ReadTimeout           Duration `default:"10s" placeholder:"DURATION"`
	WriteTimeout          Duration `default:"20s" placeholder:"DURATION"`
	ConnectionIdleTimeout Duration `default:"2m" placeholder:"DURATION"`
	Drain                 Duration `default:"5s" placeholder:"DURATION"`

	Login         string `default:"kalsel" placeholder:"PROFILE"`
	IdentityClaim string `placeholder:"NAME"`
	RefreshClaim  string `placeholder:"NAME=VALUE"`

	Secret           string `placeholder:"SECRET" secret:"true"`
	SecretFile       string `placeholder:"PATH"`
	AccessSecretFile string `placeholder:"PATH"`
	AllowWeakSecret  bool   `default:"false"`

	Keys       string `placeholder:"PATH"`
	IssuerJwks string `placeholder:"URL|PATH"`
	IssuerAlg  string `placeholder:"ALG"`

	RequireType bool   `default:"false"`
	Issuer      string `placeholder:"NAME"`
	Audience    string `placeholder:"NAME"`

	Store         string   `default:"sqlite:refresh.db" placeholder:"URL"`
	MaxLifetime   Duration `default:"365d" placeholder:"DURATION"`
	TokenLifetime Duration `default:"0s" placeholder:"DURATION"`
	ClockSkew     Duration `default:"10s" placeholder:"DURATION"`
	AdminMaxAge   Duration `default:"1h" placeholder:"DURATION"`

	Rotation        bool     `default:"false"`
	RotationWindow  Duration `default:"30s" placeholder:"DURATION"`
	IdleLifetime    Duration `default:"0s" placeholder:"DURATION"`
	SessionLifetime Duration `default:"0s" placeholder:"DURATION"`

	IdentityUrl            string   `placeholder:"URL"` //nolint:revive,staticcheck // makes the flag identity-url
	IdentityCredentialFile string   `placeholder:"PATH"`
	IdentityTimeout        Duration `default:"500ms" placeholder:"DURATION"`
	IdentityInFlight       int      `default:"128" placeholder:"NUMBER"`
	IdentityOnFailure      string   `default:"unavailable" placeholder:"ANSWER"`
	IdentityGoneLimit      int      `default:"100" placeholder:"NUMBER"`

	AccessSid bool `default:"false"`

	Oauth          bool     `default:"true"`
	OauthLifetime  Duration `default:"1h" placeholder:"DURATION"`
	PublicUrl      string   `placeholder:"URL"`  //nolint:revive,staticcheck // makes the flag public-url
	ApiCredentials string   `placeholder:"PATH"` //nolint:revive,staticcheck // makes the flag api-credentials

	BrowserDoor     bool     `default:"false"`
	BrowserLifetime Duration `default:"1h" placeholder:"DURATION"`
	CookieSameSite  string   `default:"strict" placeholder:"strict|lax"`

	Docs       bool `default:"true"`
	Playground bool `default:"false"`

	LogFormat string `default:"text" placeholder:"FORMAT"`
	LogLevel  string `default:"info" placeholder:"LEVEL"`
}

// Rules returns the settings that decide which tokens are accepted. It panics if Profile fails,
// which every command checks before it runs.
func (s *Settings) Rules() token.Rules {
	profile, err := s.Profile()
	if err != nil {
		panic(err)
	}
	return token.Rules{
		Profile:       profile,
		Issuer:        s.Issuer,
		Audience:      s.Audience,
		RequireType:   s.RequireType,
		TokenLifetime: time.Duration(s.TokenLifetime),
		MaxLifetime:   time.Duration(s.MaxLifetime),
	}
}

// Logger returns the configured logger, which writes to w. It fails if the format or the level is
// not a known one.
func (s *Settings) Logger(w io.Writer) (*slog.Logger, error) {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug,
		"info":  slog.LevelInfo,
		"warn":  slog.LevelWarn,
		"error": slog.LevelError,
	}
	level, ok := levels[s.LogLevel]
	if !ok {
		return nil, s.invalid(&s.LogLevel,
			fmt.Sprintf("%q is not one of debug, info, warn and error", s.LogLevel))
	}
	options := &slog.HandlerOptions{Level: level}
	switch s.LogFormat {
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, s.invalid(&s.LogFormat, fmt.Sprintf("%q is not text or json", s.LogFormat))
}
