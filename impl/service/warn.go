package service

import (
	"cmp"
	"log/slog"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"

	"kalsel.dev/refresh/impl/keys"
)

// LogInForce logs the effect of the settings in one line.
func (s *Settings) LogInForce(log *slog.Logger) {
	keySource := "development key"
	switch {
	case s.Keys != "":
		keySource = "key file"
	case s.SecretFile != "":
		keySource = "secret file"
	case s.Secret != "":
		keySource = "secret"
	}
	if s.IssuerJwks != "" {
		keySource += " and issuer"
	}
	if s.AccessSecretFile != "" {
		keySource += ", another for access tokens"
	}
	storeKind, _, _ := strings.Cut(s.Store, ":")
	if path, ok := strings.CutPrefix(s.Store, "sqlite:"); ok {
		storeKind = "sqlite:" + path
	}
	rotation := "off"
	if s.Rotation {
		rotation = "window " + s.RotationWindow.String()
	}
	rules := s.Rules()
	active, inactive := []string{"signature", "exp", "max-lifetime"}, []string{}
	for _, check := range []struct {
		name string
		on   bool
	}{
		{"iss", s.Issuer != ""},
		{"aud", s.Audience != ""},
		{"type required", rules.NeedsType()},
		{"clock-skew", s.ClockSkew != 0},
		{"admin-max-age", s.AdminMaxAge != 0},
		{"idle-lifetime", s.IdleLifetime != 0},
		{"session-lifetime", s.SessionLifetime != 0},
	} {
		if check.on {
			active = append(active, check.name)
		} else {
			inactive = append(inactive, check.name)
		}
	}
	if s.RefreshClaim != "" {
		active = append(active, "refresh-claim")
	}
	if s.IdentityUrl != "" {
		log = log.With("user_service", "on failure: "+s.IdentityOnFailure)
	}
	log.Info("settings in force", "login", s.Login, "store", storeKind, "rotation", rotation, "keys", keySource,
		"checks", strings.Join(active, ", "), "not_checked", strings.Join(inactive, ", "))
}

// Warn logs the settings that are dangerous. Arguments holds the flags on the command line.
func (s *Settings) Warn(log *slog.Logger, arguments []string) {
	const visible = "a secret on the command line is visible in process lists: use the variable"
	if s.Secret != "" && slices.Contains(arguments, s.setting(&s.Secret).Flag) {
		log.Warn(visible, "setting", s.Name(&s.Secret))
	}
	if slices.Contains(arguments, s.setting(&s.Store).Flag) && hasPassword(s.Store) {
		log.Warn(visible, "setting", s.Name(&s.Store))
	}
	if mayBeUnencrypted(s.Store) {
		log.Warn("without TLS on the server, everything is sent to PostgreSQL unencrypted: "+
			"add sslmode=verify-full to the URL", "setting", s.Name(&s.Store))
	}
	storeFile, _ := strings.CutPrefix(s.Store, "sqlite:")
	warnOfFile(log, s.SecretFile, true)
	warnOfFile(log, s.AccessSecretFile, true)
	warnOfFile(log, s.IdentityCredentialFile, true)
	warnOfFile(log, s.ApiCredentials, true)
	warnOfFile(log, storeFile, true)
	warnOfFile(log, s.Keys, false) // package keys warns of its readers, each time that it changes
	warnOfFile(log, s.IssuerJwks, false)
	s.warnOfLogin(log)
	s.warnOfSites(log)
	if s.Playground && s.HasKey() {
		log.Warn("the playground is on: anyone who reaches it can log in as any user, " +
			"though not as an administrator")
	}
}

func hasPassword(store string) bool {
	u, err := url.Parse(store)
	if err != nil {
		return false // opening the store fails too
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password")
}

// mayBeUnencrypted reports whether the URL names a PostgreSQL server on another machine and does
// not say whether the connection is encrypted: the driver then accepts a server without TLS.
func mayBeUnencrypted(store string) bool {
	u, err := url.Parse(store)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return false
	}
	query := u.Query()
	switch cmp.Or(query.Get("sslmode"), os.Getenv("PGSSLMODE")) {
	case "", "allow", "prefer":
	default:
		return false
	}
	hosts := cmp.Or(query.Get("host"), u.Host, os.Getenv("PGHOST"))
	for host := range strings.SplitSeq(hosts, ",") {
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		isSocket := host == "" || strings.HasPrefix(host, "/")
		if !isSocket && !keys.IsLoopback(strings.Trim(host, "[]")) {
			return true
		}
	}
	return false
}

// warnOfFile logs a warning if a file exists and every user of the machine can change it, or read
// it though it is secret. It is no error: container platforms provide secrets in such files.
func warnOfFile(log *slog.Logger, path string, secret bool) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
	case info.Mode()&0o002 != 0:
		log.Warn("every user of this machine can change a file that decides on tokens",
			"path", path, "mode", info.Mode().String())
	case secret && info.Mode()&0o004 != 0:
		log.Warn("every user of this machine can read a file that should be secret",
			"path", path, "mode", info.Mode().String())
	}
}
