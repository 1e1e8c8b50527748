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

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/service"
	"kalsel.dev/refresh/tests/server"
)

const year = 365 * 24 * time.Hour

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

func suite(t *testing.T) *contract.Suite {
	t.Helper()
	s, err := contract.New(refresh.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

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
		file := []byte("api:" + rand.Text() + rand.Text() + "\nreader:" + rand.Text() + rand.Text() +
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

func TestContract(t *testing.T) {
	left, produced := map[string]int{}, map[string]int{}
	for _, c := range configurations() {
		t.Run(c.name, func(t *testing.T) {
			cases := suite(t)
			if c.settings.Login != "" || c.accessSecret { // they change nothing about slow cases
				cases = cases.Quick()
			}
			report := cases.Run(t.Context(), c.target(t))
			show(t, report)
			for _, covered := range report.Coverage {
				produced[fmt.Sprintf("%s %d", covered.Operation, covered.Status)] += covered.Answers
			}
			for _, result := range report.Results {
				if result.LeftOut != "" {
					left[result.Name]++
				}
			}
		})
	}
	for status, times := range produced {
		if times == 0 {
			t.Errorf("%s was not produced in any configuration", status)
		}
	}
	for name, times := range left {
		if times == len(configurations()) {
			t.Errorf("%s is left out of every configuration", name)
		}
	}
}

// TestContractOfTheProgram runs the cases against the real program, as refreshd contract would.
func TestContractOfTheProgram(t *testing.T) {
	show(t, suite(t).Run(t.Context(), contract.Target{
		URL:         server.URL(t, shared.Start(t).URL),
		Secret:      []byte(server.Secret),
		MaxLifetime: year,
		OAuth:       true,
		Level:       contract.LevelExact,
	}))
}

// show makes a subtest of every case, so that the output of go test reads as the contract.
func show(t *testing.T, report *contract.Report) {
	t.Helper()
	for _, result := range report.Results {
		t.Run(result.Name, func(t *testing.T) {
			for _, breach := range result.Breaches {
				t.Errorf("%s\n%s", result.Rule, breach)
			}
		})
	}
	for _, covered := range report.Coverage {
		if breach := covered.Breach(); breach != "" {
			t.Error(breach)
		}
	}
}

func TestNamesOfCases(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range suite(t).Cases() {
		if seen[c.Name] {
			t.Errorf("%s: two cases have this name", c.Name)
		}
		seen[c.Name] = true
		if strings.Count(c.Name, "/") < 1 || !strings.HasSuffix(c.Rule, ".") {
			t.Errorf("%s: wants an operation, a slash and a rule that is a sentence", c.Name)
		}
	}
}
