package service

import (
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"

	"golang.org/x/net/publicsuffix"

	"kalsel.dev/refresh/impl/api"
	"kalsel.dev/refresh/impl/edge"
)

func sameSites() map[string]http.SameSite {
	return map[string]http.SameSite{
		"strict": http.SameSiteStrictMode,
		"lax":    http.SameSiteLaxMode,
	}
}

// checkBrowser returns the first mistake in the settings of the browser operations.
func (s *Settings) checkBrowser() error {
	switch {
	case !isAccessLifetime(s.BrowserLifetime),
		time.Duration(s.BrowserLifetime)%time.Minute != 0:
		return s.invalid(&s.BrowserLifetime, "must be whole minutes from 10m to 7d")
	case sameSites()[s.CookieSameSite] == 0:
		return s.invalid(&s.CookieSameSite, "must be strict or lax")
	case s.BrowserDoor && slices.Contains(s.CORSOrigin, "*"):
		return s.invalid(&s.CORSOrigin, "must list origins, not *, with "+s.Name(&s.BrowserDoor)+
			": otherwise any page could use the cookie")
	case !s.BrowserDoor && s.differs(&s.BrowserLifetime):
		return s.invalid(&s.BrowserLifetime, "needs "+s.Name(&s.BrowserDoor))
	case !s.BrowserDoor && s.CookieSameSite != "strict":
		return s.invalid(&s.CookieSameSite, "needs "+s.Name(&s.BrowserDoor))
	}
	return nil
}

// origins returns the origins of the pages that may call the API.
func (c Config) origins() edge.Origins {
	return edge.Origins{
		Exact:       slices.Clone(c.Settings.CORSOrigin),
		Localhost:   c.Development,
		Credentials: c.Settings.BrowserDoor,
	}
}

// browser returns the settings of the browser operations.
func (c Config) browser() api.Browser {
	s := c.Settings
	b := api.Browser{
		Lifetime:        time.Duration(s.BrowserLifetime),
		LifetimeSetting: s.Name(&s.BrowserLifetime),
		Plain:           (c.Development || c.PlainCookie) && s.TLSCert == "",
		SameSite:        sameSites()[s.CookieSameSite],
		Trusted:         c.origins().Allows,
		OriginSetting:   s.Name(&s.CORSOrigin),
		Now:             c.Now,
	}
	if !s.BrowserDoor {
		b.Off = "the browser operations are off (" + s.Name(&s.BrowserDoor) + ")"
	}
	return b
}

// warnOfSites warns of origins whose pages can never get the cookie: they are on another site than
// the server or, if its URL is not known, than the first origin.
func (s *Settings) warnOfSites(log *slog.Logger) {
	if !s.BrowserDoor {
		return
	}
	own := siteOf(s.PublicUrl)
	for _, origin := range s.CORSOrigin {
		site := siteOf(origin)
		if own == "" {
			own = site
		}
		if site != own {
			log.Warn("pages of this origin cannot use the browser operations: browsers send the "+
				"cookie only to pages on the site of the server", "origin", origin, "site", own,
				"setting", s.Name(&s.CORSOrigin))
		}
	}
}

// siteOf returns the site of a URL: its scheme and registrable domain (HTML, section 7.1.1). It
// returns "" if the text is no URL with a host.
func siteOf(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" {
		return ""
	}
	host := u.Hostname()
	if net.ParseIP(host) == nil {
		if domain, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil {
			host = domain
		}
	}
	return u.Scheme + "://" + host
}
