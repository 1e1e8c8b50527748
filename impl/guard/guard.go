// Package guard lets APIs in Go check access tokens of refreshd without a call for each request, and
// still reject the tokens of a session soon after its logout. A Guard verifies signature and claims
// itself, follows the feed of revocations, and knows how old its knowledge is: if that is older than
// Config.MaxStale, it accepts no token. So a check that begins later than MaxStale after the answer
// to a logout never accepts a token of that session.
package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/token"
)

// DefaultMaxStale is the largest age of the guard's knowledge if Config names none.
const DefaultMaxStale = 5 * time.Second

// Config holds the settings of a Guard. Server and Credential are required.
type Config struct {
	// Server is the URL of refreshd, such as https://refresh.example.com.
	Server string
	// Credential is name:secret of an API credential with the scope feed.
	Credential string
	// Secret is the HS256 secret that signs all tokens. AccessSecret takes its place if access tokens
	// have a secret of their own, as with the setting --access-secret-file. If both are empty, the
	// guard reads the public keys of the server.
	Secret, AccessSecret []byte
	// Login, IdentityClaim and RefreshClaim are the server's settings --login, --identity-claim and
	// --refresh-claim. They may be empty, as on the server.
	Login, IdentityClaim, RefreshClaim string
	// Issuer and Audience, if set, must match iss and be in aud.
	Issuer, Audience string
	// MaxStale bounds the age of the guard's knowledge of revocations, from 1 s on. 0 means
	// DefaultMaxStale.
	MaxStale time.Duration
	// AllowStale accepts tokens although the knowledge is older than MaxStale, and counts them. Then
	// a logout has no bound while the feed is unavailable.
	AllowStale bool
	// Client sends the requests to the server; nil means one without a proxy and with HTTP/2.
	Client *http.Client
	// Log receives a line when the feed is lost and when it is back; nil drops them.
	Log *slog.Logger
	// Registerer receives the metrics; nil drops them.
	Registerer prometheus.Registerer
	// Clock is read for the age of the knowledge; nil means the machine's.
	Clock revocation.Clock
}

// Guard checks access tokens. It is safe for concurrent use.
type Guard struct {
	c        Config
	verifier *token.Verifier
	keys     *publicKeys // nil with a secret
	set      revocation.Set
	metrics  *metrics

	// sent is when the request was sent whose answer reached the head of the feed last; nil if none
	// has.
	sent atomic.Pointer[revocation.Instant]

	stop  context.CancelFunc
	tasks sync.WaitGroup
}

// New returns a Guard that follows the feed until Close is called. It fails if the settings cannot
// be used. It does not wait for the server: until the feed is read, the guard is stale.
func New(c Config) (*Guard, error) {
	if err := c.complete(); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	profile, wrong, err := token.ConfigureProfile(c.Login, c.IdentityClaim, c.RefreshClaim)
	if err != nil {
		return nil, fmt.Errorf("guard: the setting %s: %w", wrong, err)
	}
	g := &Guard{c: c}
	source, err := c.secrets()
	if err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	if source == nil {
		g.keys = newPublicKeys(c)
		source = g.keys
	}
	g.verifier = token.NewVerifier(source, token.Rules{
		Issuer:   c.Issuer,
		Audience: c.Audience,
		Profile:  profile,
	})
	if g.metrics, err = newMetrics(c.Registerer, g); err != nil {
		return nil, fmt.Errorf("guard: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	g.stop = cancel
	g.tasks.Go(func() { g.follow(ctx) })
	g.tasks.Go(func() { g.forget(ctx) })
	if g.keys != nil {
		g.tasks.Go(func() { g.keys.run(ctx) })
	}
	return g, nil
}

// Close stops following the feed. After MaxStale the guard accepts no token.
func (g *Guard) Close() {
	g.stop()
	g.tasks.Wait()
}

// complete sets the defaults. It fails if a setting cannot be used.
func (c *Config) complete() error {
	u, err := url.Parse(c.Server)
	name, secret, _ := strings.Cut(c.Credential, ":")
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "":
		return errors.New("the setting Server must be an https URL without a query")
	case name == "" || secret == "":
		return errors.New("the setting Credential must be name:secret")
	case c.MaxStale != 0 && c.MaxStale < time.Second:
		return errors.New("the setting MaxStale must be at least 1s")
	}
	c.Server = strings.TrimSuffix(c.Server, "/")
	if c.MaxStale == 0 {
		c.MaxStale = DefaultMaxStale
	}
	if c.Client == nil {
		c.Client = &http.Client{Transport: &http.Transport{
			ForceAttemptHTTP2:   true,
			TLSHandshakeTimeout: c.MaxStale, // else a handshake outlives the request
		}}
	}
	client := *c.Client // a credential must not follow a redirection
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.Client = &client
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Clock == nil {
		c.Clock = revocation.SystemClock()
	}
	return nil
}

// forget removes revocations that need not be kept.
func (g *Guard) forget(ctx context.Context) {
	for g.c.sleep(ctx, time.Minute) {
		g.set.Expire(g.c.Clock.Now().Wall/int64(time.Second) - keptLonger)
	}
}

// keptLonger is how many seconds the guard keeps revocations after their time, because its clock
// may be ahead.
const keptLonger = 24 * 60 * 60
