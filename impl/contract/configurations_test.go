package contract_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

// configuration is a way to run the server that the cases are run against.
type configuration struct {
	name     string
	settings service.Settings
	keys     []string // algorithms
	// accessSecret says that access tokens have a secret of their own.
	accessSecret bool
	apis         bool   // with API credentials
	users        string // the answer of a user service to each question; "": there is none
}

func configurations() []configuration {
	minute := service.Duration(time.Minute)
	return []configuration{
		{name: "plain"},
		{
			name: "issuer and audience",
			settings: service.Settings{
				Issuer:   "https://login.example.com",
				Audience: "refresh",
				Oauth:    true,
			},
			apis: true,
		},
		{
			name:     "type required, and names of sessions",
			settings: service.Settings{RequireType: true, AccessSid: true},
		},
		{name: "bounded life", settings: service.Settings{MaxLifetime: service.Duration(year)}},
		{
			name: "rotation",
			settings: service.Settings{
				Rotation:       true,
				RotationWindow: minute,
			},
		},
		{
			name: "key pairs and rotation",
			settings: service.Settings{
				Rotation:       true,
				RotationWindow: minute,
				Issuer:         "https://login.example.com",
				Oauth:          true,
				BrowserDoor:    true,
			},
			keys: []string{"EdDSA", "RS256", "ES256"},
			apis: true,
		},
		{
			name:     "key pairs",
			settings: service.Settings{BrowserDoor: true},
			keys:     []string{"ES384", "PS256"},
		},
		{
			name: "Flask-JWT-Extended and rotation",
			apis: true,
			settings: service.Settings{
				Login:          "flask-jwt-extended",
				Rotation:       true,
				RotationWindow: minute,
				Oauth:          true,
			},
		},
		{
			name: "SimpleJWT",
			settings: service.Settings{
				Login:         "simplejwt",
				IdentityClaim: "userId",
				Oauth:         true,
				Issuer:        "http://localhost:8000/login/", // serves metadata too
			},
			apis: true,
		},
		{name: "sub", settings: service.Settings{Login: "sub"}},
		{
			name: "sub, a claim of refresh tokens, and rotation",
			settings: service.Settings{
				Login:          "sub",
				RefreshClaim:   "use=refresh",
				Rotation:       true,
				RotationWindow: minute,
			},
		},
		{
			name:         "sub, two secrets",
			settings:     service.Settings{Login: "sub", Oauth: true},
			accessSecret: true,
			apis:         true,
		},
		{name: "two secrets", accessSecret: true},
		{
			name: "user service and rotation",
			settings: service.Settings{
				Rotation:       true,
				RotationWindow: minute,
				Oauth:          true,
			},
			users: `{"claims":{}}`,
			apis:  true,
		},
	}
}

func (c configuration) target(t *testing.T) contract.Target {
	t.Helper()
	options := server.Options{Settings: c.settings}
	options.OauthLifetime = service.Duration(time.Hour)
	options.BrowserLifetime, options.CookieSameSite = service.Duration(time.Hour), "strict"
	var credentials []contract.Credential
	if c.apis {
		file := []byte("api:" + rand.Text() + rand.Text() + "\nreader:" + rand.Text() +
			rand.Text() +
			":feed\nasker:" + rand.Text() + rand.Text() + ":introspect\n")
		options.ApiCredentials = filepath.Join(t.TempDir(), "credentials")
		if err := os.WriteFile(options.ApiCredentials, file, 0o600); err != nil {
			t.Fatal(err)
		}
		credentials = contract.ParseCredentials(file)
	}
	var keys []contract.Key
	if c.users != "" {
		users := server.Serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, c.users)
		}))
		options.IdentityUrl = users.String()
		options.IdentityTimeout = service.Duration(time.Minute)
		options.IdentityInFlight = 100
		options.IdentityGoneLimit = 100
	}
	if c.keys != nil {
		options.Keys, keys = keyPairs(t, c.keys...)
	}
	var accessSecret []byte
	if c.accessSecret {
		accessSecret = []byte("a secret of the access tokens alone")
		options.Keys = twoSecrets(t, accessSecret)
	}
	fails, unavailable, limited, starting := options, options, options, options
	limited.RateLimit, limited.RateBurst = 1.0/3600, 1
	starting.Starting = true
	options.Run = c.apis
	fails.Now = func() time.Time { panic(string(contract.ClockFails)) }
	unavailable.StoreUnavailable = true
	claim, value, _ := strings.Cut(c.settings.RefreshClaim, "=")
	return contract.Target{
		URL:             server.InProcess(t, options),
		Secret:          []byte(server.Secret),
		AccessSecret:    accessSecret,
		Login:           c.settings.Login,
		IdentityClaim:   c.settings.IdentityClaim,
		RefreshClaim:    claim,
		RefreshValue:    json.RawMessage(strconv.Quote(value)),
		Keys:            keys,
		Issuer:          c.settings.Issuer,
		Audience:        c.settings.Audience,
		RequireType:     c.settings.RequireType,
		MaxLifetime:     time.Duration(c.settings.MaxLifetime),
		Rotation:        c.settings.Rotation,
		UserService:     c.users != "",
		AccessSID:       c.settings.AccessSid,
		OAuth:           c.settings.Oauth,
		Browser:         c.settings.BrowserDoor,
		Credentials:     credentials,
		BrowserLifetime: time.Hour,
		Level:           contract.LevelExact,
		Broken: map[contract.Fault]*url.URL{
			contract.ClockFails:       server.InProcess(t, fails),
			contract.StoreUnavailable: server.InProcess(t, unavailable),
			contract.RateLimited:      server.InProcess(t, limited),
			contract.Starting:         server.InProcess(t, starting),
		},
	}
}

// twoSecrets returns the keys of a server whose access tokens have a secret of their own.
func twoSecrets(t *testing.T, ofAccess []byte) *jwk.Set {
	t.Helper()
	refresh, err := jwk.SecretSet([]byte(server.Secret), false)
	if err != nil {
		t.Fatal(err)
	}
	access, err := jwk.SecretSet(ofAccess, false)
	if err != nil {
		t.Fatal(err)
	}
	return refresh.WithAccess(access)
}

// keyPairs returns new keys, for the server and for the cases.
func keyPairs(t *testing.T, algorithms ...string) (*jwk.Set, []contract.Key) {
	t.Helper()
	var all []*jwk.Key
	for i, algorithm := range algorithms {
		key, err := jwk.GenerateKey(algorithm, fmt.Sprint("key", i))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			key, err = key.WithTimes(
				time.Now().Add(-time.Minute).Unix(),
				time.Now().Add(time.Hour).Unix(),
			)
			if err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, key)
	}
	set, err := jwk.NewSet(all...)
	if err != nil {
		t.Fatal(err)
	}
	file, err := set.MarshalPrivate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := contract.ParseKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	return set, keys
}
