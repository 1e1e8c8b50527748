package service

import "maps"

// text is the documentation of a setting.
type text struct{ meaning, example string }

// meanings holds the documentation of the settings by their flags. It is printed by --help and
// stands in docs/settings.md.
func meanings() map[string]text {
	all := coreMeanings()
	maps.Copy(all, optionMeanings())
	return all
}

// coreMeanings has the settings of listeners, keys, store, lifetimes and rotation.
func coreMeanings() map[string]text { //nolint:funlen // a table
	return map[string]text{
		"listen": {
			"The address on which the API is served. Port 0 picks a free port.",
			"0.0.0.0:8080",
		},
		"ops-listen": {
			"The address on which /healthz, /readyz and /metrics are served. An empty value " +
				"switches them off.",
			"127.0.0.1:9090",
		},
		"tls-cert": {
			"A PEM file with the certificate of the server and its intermediates. The API is then " +
				"served over TLS, with HTTP/2. The server reads the file again when it changes.",
			"/etc/refreshd/fullchain.pem",
		},
		"tls-key": {
			"A PEM file with the private key of --tls-cert.",
			"/etc/refreshd/privkey.pem",
		},
		"trusted-proxies": {
			"The networks of your proxies. Only they may say, in X-Forwarded-For or Forwarded, " +
				"which client sent a request.",
			"10.0.0.0/8,fd00::/8",
		},
		"login": {
			"The form of the tokens that your login signs (profile): kalsel, flask-jwt-extended, " +
				"simplejwt (Django), or sub (NestJS, jsonwebtoken, Spring). New access tokens have " +
				"the same form.",
			"simplejwt",
		},
		"identity-claim": {
			"The claim that has the identity, if your login does not use the claim of its profile.",
			"user_uuid",
		},
		"refresh-claim": {
			"With the profile sub, a claim that only refresh tokens have, and its value. Tokens " +
				"without it cannot be refreshed, and new access tokens do not have it.",
			"use=refresh",
		},
		"cors-origin": {
			"The origins of web pages that may call the API from their scripts. * is every " +
				"origin. With a development key, every origin on this machine may.",
			"https://app.example.com,https://admin.example.com",
		},
		"rate-limit": {
			"How many requests a second each client address may send, on average. All IPv6 " +
				"addresses of a /64 count as one. Further requests are answered 429. 0: no limit.",
			"5",
		},
		"rate-burst": {
			"How many requests a client address may send at once after a pause.",
			"20",
		},
		"max-in-flight": {
			"How many requests the server works on at a time. Further requests are answered 503 " +
				"at once. 0: no limit.",
			"512",
		},
		"max-connections": {
			"How many connections the API accepts at a time. Further connections wait. 0: as " +
				"many as the limit of open files allows, at most 20000.",
			"5000",
		},
		"read-timeout": {
			"How long a client may take to send a request.",
			"30s",
		},
		"write-timeout": {
			"How long a client may take to receive an answer.",
			"1m",
		},
		"connection-idle-timeout": {
			"How long a connection may be idle. It must be longer than your load balancer keeps " +
				"idle connections.",
			"11m",
		},
		"drain": {
			"How long the server still answers after SIGTERM, while it reports that it is not " +
				"ready, so that load balancers notice. SIGINT stops it at once.",
			"15s",
		},
		"secret": {
			"The HS256 secret with which the login service signs, at least 32 bytes. Arguments " +
				"are visible in process lists: prefer the variable or the file.",
			"the-secret-that-your-login-service-has",
		},
		"secret-file": {
			"A file that contains the secret, as raw bytes. One newline at its end is ignored.",
			"/run/secrets/refresh",
		},
		"access-secret-file": {
			"A file with a second secret, for access tokens. It signs new access tokens and " +
				"verifies those of callers. --secret-file is then for refresh tokens only.",
			"/run/secrets/access",
		},
		"allow-weak-secret": {
			"Accept a secret that is shorter than 32 bytes.",
			"true",
		},
		"keys": {
			"A JWK Set file with the keys that verify and sign, in place of a secret. The " +
				"server reads it again when it changes.",
			"/etc/refreshd/keys.json",
		},
		"issuer-jwks": {
			"The URL or the file of the login service's public keys (JWK Set). They verify " +
				"tokens whose iss is --issuer.",
			"https://login.example.com/.well-known/jwks.json",
		},
		"issuer-alg": {
			"The algorithm of the login service's public keys that name none, such as RS256. " +
				"Without this setting, RSA keys that name no algorithm are ignored.",
			"RS256",
		},
		"require-type": {
			"With the profile kalsel, reject refresh tokens without the claim type. Switch this " +
				"on if your login service sets the claim.",
			"true",
		},
		"issuer": {
			"The claim iss that incoming tokens must have. New tokens have it too.",
			"https://login.example.com",
		},
		"audience": {
			"The claim aud that incoming tokens must have. New tokens have it too.",
			"refresh",
		},
		"store": {
			"The database for revocations and sessions: sqlite:FILE, sqlite::memory: or " +
				"postgres://USER:PASSWORD@HOST/NAME.",
			"postgres://refresh@db.example.com/refresh?sslmode=verify-full",
		},
		"max-lifetime": {
			"The longest lifetime of a refresh token that is accepted. It also decides how " +
				"long revocations are kept.",
			"90d",
		},
		"token-lifetime": {
			"The lifetime of the login's refresh tokens. It is needed only if they have no " +
				"iat: the server then takes exp minus this lifetime as the time of issue. 0s " +
				"means that it is not known.",
			"30d",
		},
		"clock-skew": {
			"How far the clocks of the servers and of the database may differ. With rotation, " +
				"the window is longer by this much. 0s: the clocks are not compared.",
			"5s",
		},
		"admin-max-age": {
			"How long after a login its fresh access token allows administration. With 0s, until " +
				"the token expires.",
			"15m",
		},
		"rotation": {
			"Return a new refresh token with each refresh. Revoke a session if an old refresh " +
				"token comes after the window and its successor was used.",
			"true",
		},
		"rotation-window": {
			"The time after a rotation in which the old refresh token still works, for retries " +
				"and for other tabs of a browser.",
			"1m",
		},
		"idle-lifetime": {
			"With rotation, a session expires this long after its last use. With 0s it does " +
				"not expire for that reason.",
			"30d",
		},
		"session-lifetime": {
			"With rotation, a session expires this long after its start. With 0s it expires " +
				"when the login's refresh token does.",
			"180d",
		},
	}
}
