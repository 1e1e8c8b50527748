package service

// optionMeanings has the settings of the user service, of the operations for OAuth clients, APIs and
// browsers, of the pages and of the log.
func optionMeanings() map[string]text { //nolint:funlen // a table
	return map[string]text{
		"identity-url": {
			"The URL of your user service. Each refresh asks it for the claims that the user has " +
				"now; they replace those of the refresh token in the access token.",
			"https://users.internal.example.com/claims",
		},
		"identity-credential-file": {
			"A file with the bearer token for --identity-url. The server reads it again when it " +
				"changes.",
			"/run/secrets/user-service",
		},
		"identity-timeout": {
			"How long the user service may take to answer, from 1ms to 10s.",
			"200ms",
		},
		"identity-in-flight": {
			"How many calls to the user service may run at a time. If a refresh needs a further " +
				"call, --identity-on-failure decides about the answer.",
			"32",
		},
		"identity-on-failure": {
			"The answer to a refresh if the user service gives no usable answer: unavailable (503), " +
				"or keep (200, with the claims of the refresh token).",
			"keep",
		},
		"identity-gone-limit": {
			"How many sessions the user service may revoke in a minute with the answers 404 and " +
				"410, and how many clients it may log out with 403. After that, a refresh for which " +
				"it gives such an answer is answered 503.",
			"20",
		},
		"access-sid": {
			"Name the session and its start in each new access token (claims sid and auth_time), so " +
				"that a logout reaches access tokens. With --rotation or --api-credentials this is " +
				"always on.",
			"true",
		},
		"oauth": {
			"Serve the OAuth operations /oauth2/token, /oauth2/revoke and /oauth2/introspect. " +
				"--oauth=false switches them off.",
			"false",
		},
		"oauth-lifetime": {
			"The lifetime of access tokens from /oauth2/token, from 10m to 7d.",
			"10m",
		},
		"public-url": {
			"The URL under which clients reach this server, for the OAuth metadata. Without " +
				"this setting it is --issuer, which must be an https URL.",
			"https://refresh.example.com",
		},
		"api-credentials": {
			"A file with the credentials of the APIs that may introspect tokens or read the feed " +
				"of revocations: name:secret or name:secret:scopes, one a line. The server reads it " +
				"again when it changes.",
			"/etc/refreshd/api-credentials",
		},
		"browser-door": {
			"Serve the browser operations below /api/v1/browser, which keep the refresh token in a " +
				"cookie that no script can read. Pages of other origins need --cors-origin.",
			"true",
		},
		"browser-lifetime": {
			"The default and the longest lifetime of access tokens from /api/v1/browser/refresh, " +
				"from 10m to 7d.",
			"15m",
		},
		"cookie-same-site": {
			"The attribute SameSite of the cookie: strict, or lax.",
			"lax",
		},
		"docs": {
			"Serve the documentation page at /docs. --docs=false switches it off.",
			"false",
		},
		"playground": {
			"Serve the playground at /playground, where anyone can log in as any user. Never " +
				"use it in production. With a development key it is always on.",
			"true",
		},
		"log-format": {
			"The format of the log on standard error: text or json.",
			"json",
		},
		"log-level": {
			"The lowest level that is logged: debug (every request), info (rejected requests " +
				"too), warn, or error (failures of the server itself).",
			"debug",
		},
	}
}
