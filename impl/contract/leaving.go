package contract

import (
	"net"
	"net/url"
	"strings"
	"time"
)

// The reasons why a case does not apply to a target.

func needsNoType(t Target) string {
	return reason(
		t.requiresType(),
		"the deployment requires the claim type, which the sample does not have",
	)
}

func needsType(t Target) string {
	return reason(!t.requiresType(), "the deployment does not require the claim type")
}

func needsKalsel(t Target) string {
	return reason(t.login().name != "kalsel", "the login's tokens are not those of kalsel.dev")
}

func needsNumbers(t Target) string {
	return reason(!t.login().numbers, "the identity of the login is never a number")
}

func needsOneSecret(t Target) string {
	return reason(t.AccessSecret != nil, "access tokens have a secret of their own")
}

func needsAccessSecret(t Target) string {
	return reason(t.AccessSecret == nil, "one secret signs refresh and access tokens")
}

// needsMarkedAccess is for cases with an access token that lacks the claim type.
func needsMarkedAccess(t Target) string {
	l := t.login()
	told := l.refresh == "" && (l.mark.name != "" || t.AccessSecret != nil)
	return reason(told, "access tokens of the login need no claim type")
}

func needsIssuer(t Target) string {
	return reason(t.Issuer == "", "the deployment requires no issuer")
}

func needsAudience(t Target) string {
	return reason(t.Audience == "", "the deployment requires no audience")
}

func needsMaxLifetime(t Target) string {
	return reason(
		t.MaxLifetime == 0,
		"the deployment does not limit the lifetime of a refresh token",
	)
}

func needsRotation(t Target) string {
	return reason(!t.Rotation, "the deployment does not rotate refresh tokens")
}

func needsNoRotation(t Target) string {
	return reason(t.Rotation, "the deployment rotates refresh tokens")
}

// namesSessions reports whether access tokens name their session.
func (t Target) namesSessions() bool { return t.AccessSID || t.Rotation || len(t.Credentials) > 0 }

func needsSessionNames(t Target) string {
	return reason(!t.namesSessions(), "access tokens of the deployment do not name their session")
}

func needsNoSessionNames(t Target) string {
	return reason(t.namesSessions(), "access tokens of the deployment name their session")
}

func needsBrowser(t Target) string {
	return reason(!t.Browser, "the deployment has no browser operations")
}

func needsNoBrowser(t Target) string {
	return reason(t.Browser, "the deployment has browser operations")
}

func needsShortBrowserLifetime(t Target) string {
	known := t.BrowserLifetime > 0 && t.BrowserLifetime < 7*24*time.Hour
	return reason(!known, "the longest lifetime is not known, or is the highest limit")
}

func needsOwnClaims(t Target) string {
	return reason(t.UserService, "the operator's user service decides the claims of access tokens")
}

func needsOAuth(t Target) string {
	return reason(!t.OAuth, "the deployment has no OAuth operations")
}

func needsScope(t Target) string {
	return reason(t.RefreshClaim == "scope", "the claim scope marks refresh tokens")
}

func needsNoOAuth(t Target) string {
	return reason(t.OAuth, "the deployment has OAuth operations")
}

func needsCredential(t Target) string {
	return reason(!t.OAuth || t.credential(true) == nil, "no API credential for introspection is given")
}

func needsNoCredential(t Target) string {
	return reason(t.OAuth && t.credential(true) != nil, "the deployment has introspection")
}

func needsOtherCredential(t Target) string {
	return reason(!t.OAuth || t.credential(false) == nil,
		"no API credential without the scope introspect is given")
}

// hasMetadata reports whether the deployment serves metadata: its issuer is an https URL, or an
// http URL of a loopback address, with neither user, query nor fragment.
func hasMetadata(t Target) bool {
	u, err := url.Parse(t.Issuer)
	if err != nil || !t.OAuth || u.Host == "" || strings.ContainsAny(t.Issuer, "@?#") {
		return false
	}
	local := u.Hostname() == "localhost" || net.ParseIP(u.Hostname()).IsLoopback()
	return u.Scheme == "https" || u.Scheme == "http" && local
}

func needsMetadata(t Target) string {
	return reason(!hasMetadata(t), "the deployment's issuer is no https URL without query")
}

func needsNoMetadata(t Target) string {
	return reason(hasMetadata(t), "the deployment has OAuth metadata")
}

func needsSecret(t Target) string {
	return reason(!t.Keys[0].secret(), "the login signs with a key pair")
}

func needsKeyPair(t Target) string {
	return reason(t.Keys[0].secret(), "the login signs with a secret")
}

func reason(left bool, why string) string {
	if left {
		return why
	}
	return ""
}

// unless returns the first reason of several.
func unless(reasons ...func(Target) string) func(Target) string {
	return func(t Target) string {
		for _, reason := range reasons {
			if why := reason(t); why != "" {
				return why
			}
		}
		return ""
	}
}
