package service

import (
	"log/slog"
	"net/url"
	"time"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/credential"
	"kalsel.dev/refresh/impl/keys"
)

// checkOAuth returns the first mistake in the settings of the OAuth operations.
func (s *Settings) checkOAuth() error {
	switch {
	case !isAccessLifetime(s.OauthLifetime):
		return s.invalid(&s.OauthLifetime, "must be from 10m to 7d")
	case s.PublicUrl != "" && !isWebOrigin(s.PublicUrl):
		return s.invalid(&s.PublicUrl, "must be an https URL without query (http on loopback only)")
	case s.PublicUrl != "" && !s.Oauth:
		return s.invalid(&s.PublicUrl, "needs "+s.Name(&s.Oauth))
	case s.PublicUrl != "" && !isWebOrigin(s.Issuer) && !s.BrowserDoor:
		return s.invalid(&s.PublicUrl, "needs an https URL as "+s.Name(&s.Issuer))
	case !s.Oauth && s.differs(&s.OauthLifetime):
		return s.invalid(&s.OauthLifetime, "needs "+s.Name(&s.Oauth))
	}
	return nil
}

// isWebOrigin reports whether text is an https URL, or an http URL on loopback, with neither user,
// query nor fragment.
func isWebOrigin(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery ||
		u.Fragment != "" {
		return false
	}
	return keys.IsSecure(u)
}

// feed returns the settings of the feed of revocations.
func (c Config) feed(s *Service, all *credential.File) api.Feed {
	return api.Feed{
		Credentials: all,
		Off:         "the feed needs " + c.Settings.Name(&c.Settings.ApiCredentials),
		Stopping:    s.stopped,
	}
}

// apiCredentials returns the credentials of APIs, or nil if there are none. It fails if the file
// cannot be read or does not hold any.
func (s *Settings) apiCredentials(
	now func() time.Time, log *slog.Logger,
) (*credential.File, error) {
	if s.ApiCredentials == "" {
		return nil, nil
	}
	file, err := credential.Open(s.ApiCredentials, now, log)
	if err != nil {
		return nil, s.invalid(&s.ApiCredentials, err.Error())
	}
	return file, nil
}

// CheckCredentials fails if a configured file with credentials cannot be used. A server would find
// that out only when its store is open, and that may be unavailable for long.
func (s *Settings) CheckCredentials(now func() time.Time) error {
	silent := slog.New(slog.DiscardHandler)
	if _, err := s.apiCredentials(now, silent); err != nil {
		return err
	}
	_, err := s.IdentityCredential(now, silent)
	return err
}

// oauth returns the settings of the OAuth operations. It fails if the credentials cannot be read.
func (c Config) oauth() (api.OAuth, error) {
	s := c.Settings
	o := api.OAuth{Lifetime: time.Duration(s.OauthLifetime), Off: map[string]string{}}
	var err error
	if o.Credentials, err = s.apiCredentials(c.Now, c.Log); err != nil {
		return o, err
	}
	if o.Credentials == nil {
		o.Off["oauthIntrospect"] = "introspection needs " + s.Name(&s.ApiCredentials)
	}
	if isWebOrigin(s.Issuer) {
		o.Issuer, o.PublicURL = s.Issuer, s.PublicUrl
		if o.PublicURL == "" {
			o.PublicURL = s.Issuer
		}
	} else {
		o.Off["oauthMetadata"] = "the metadata needs an https URL as " + s.Name(&s.Issuer)
	}
	if !s.Oauth {
		for _, id := range []string{"oauthToken", "oauthRevoke", "oauthIntrospect", "oauthMetadata"} {
			o.Off[id] = "the OAuth operations are switched off (" + s.Name(&s.Oauth) + ")"
		}
	}
	return o, nil
}
