// Package client keeps a login alive for Go programs that call APIs with access tokens: it refreshes in time, once for all
// goroutines, and knows when the user must log in again. A [Keeper] is an oauth2.TokenSource and makes an http.RoundTripper.
package client

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/sync/singleflight"

	"kalsel.dev/refresh/gen"
)

var (
	// ErrLoginRequired means that there is no session, or that the server has ended it (421 or 422): send the user to the login.
	ErrLoginRequired = errors.New("login required")
	// ErrTemporary means that no access token can be had for now; the user stays logged in.
	ErrTemporary = errors.New("refresh failed for now")
)

// Config says where and how to refresh. Only Server is required.
type Config struct {
	// Server is the address of the refresh service, with its path if it has one.
	Server string
	// Limit is how many minutes new access tokens live, 10 to 10080. 0: the server's default, 10080.
	Limit int32
	// Store keeps the tokens. Nil: they are forgotten with the program.
	Store Store
	// HTTP makes the requests of the keeper. Nil: a client that follows no redirect, so that a refresh token goes to nobody else.
	HTTP gen.HttpRequestDoer
	// Log receives warnings about the Store. Nil: none.
	Log *slog.Logger
	// Now is the clock. Nil: the system's.
	Now func() time.Time
	// Sleep waits before another try. Nil: a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Keeper keeps one session. It is safe for concurrent use.
type Keeper struct {
	config Config
	server *url.URL
	api    *gen.Client
	flight singleflight.Group

	mu      sync.Mutex
	held    Tokens
	loaded  bool      // held is what Store has, or newer
	unsaved bool      // Store refused held: it is the only copy
	silent  time.Time // until when Retry-After asked for silence
	useless string    // an access token that was refused although it was new
}

var _ oauth2.TokenSource = (*Keeper)(nil)

// New makes a keeper. It sends nothing yet.
func New(config Config) (*Keeper, error) {
	server, err := url.Parse(config.Server)
	if err != nil || server.Host == "" || (server.Scheme != "https" && server.Scheme != "http") {
		return nil, fmt.Errorf("server must be an absolute http or https URL: %q", config.Server)
	}
	if config.Limit != 0 && (config.Limit < 10 || config.Limit > 10080) {
		return nil, fmt.Errorf("limit must be 10 to 10080 minutes: %d", config.Limit)
	}
	if config.HTTP == nil {
		config.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now //nolint:forbidigo // the default of a library that programs use as it is
	}
	if config.Sleep == nil {
		config.Sleep = sleep
	}
	api, err := gen.NewClient(config.Server, gen.WithHTTPClient(config.HTTP))
	if err != nil {
		return nil, err
	}
	return &Keeper{config: config, server: server, api: api}, nil
}

// Login takes over the answer of a login. An error is the Store's; the keeper works all the same.
func (k *Keeper) Login(ctx context.Context, tokens Tokens) error {
	if tokens.RefreshToken == "" {
		return errors.New("login without a refresh token")
	}
	if tokens.Received.IsZero() {
		tokens.Received = k.config.Now()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.useless = ""
	return k.save(ctx, tokens)
}

// AccessToken returns an access token that is good for a request, refreshed if need be. It returns [ErrLoginRequired] or
// [ErrTemporary], wrapped, or the error of ctx.
func (k *Keeper) AccessToken(ctx context.Context) (string, error) {
	tokens, err := k.valid(ctx)
	return tokens.AccessToken, err
}

// Token implements oauth2.TokenSource. The token's Expiry is by the local clock, right or wrong.
func (k *Keeper) Token() (*oauth2.Token, error) {
	tokens, err := k.valid(context.Background())
	if err != nil {
		return nil, err
	}
	now := k.config.Now()
	return &oauth2.Token{AccessToken: tokens.AccessToken, TokenType: "Bearer", Expiry: now.Add(tokens.remaining(now))}, nil
}

// Refresh refreshes now, whatever time is left: for the moment when a certain page opens. However many goroutines call it
// at once, one request is made, and it goes on when a caller gives up.
func (k *Keeper) Refresh(ctx context.Context) error {
	old, err := k.current(ctx)
	if err != nil {
		return err
	}
	return k.refresh(ctx, old.AccessToken)
}

// Logout forgets the tokens and, as far as the server can be reached, ends the session there.
func (k *Keeper) Logout(ctx context.Context) error {
	k.mu.Lock()
	tokens, _ := k.load(ctx)
	err := k.save(ctx, Tokens{})
	k.mu.Unlock()
	if tokens.RefreshToken != "" {
		k.revoke(ctx, tokens.RefreshToken)
	}
	return err
}

func (k *Keeper) valid(ctx context.Context) (Tokens, error) {
	tokens, err := k.current(ctx)
	if err != nil {
		return Tokens{}, err
	}
	refresh, usable := tokens.due(k.config.Now())
	if !refresh {
		return tokens, nil
	}
	if usable {
		k.begin(tokens.AccessToken) // nobody waits while it lives
		return tokens, nil
	}
	if err := k.refresh(ctx, tokens.AccessToken); err != nil {
		return Tokens{}, err
	}
	return k.current(ctx)
}

// current returns what is held, asking Store only while nothing is.
func (k *Keeper) current(ctx context.Context) (Tokens, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.loaded || k.held.RefreshToken == "" {
		if _, err := k.load(ctx); err != nil {
			return Tokens{}, fmt.Errorf("%w: %w", ErrTemporary, err)
		}
	}
	if k.held.RefreshToken == "" {
		return Tokens{}, ErrLoginRequired
	}
	return k.held, nil
}

// load asks Store, which another program may have written. The caller holds mu.
func (k *Keeper) load(ctx context.Context) (Tokens, error) {
	if k.config.Store == nil || k.unsaved {
		k.loaded = true
		return k.held, nil
	}
	stored, err := k.config.Store.Load(ctx)
	if err != nil {
		return k.held, fmt.Errorf("load tokens: %w", err)
	}
	if !k.loaded || stored.AccessToken != k.held.AccessToken || stored.RefreshToken != k.held.RefreshToken {
		k.held = stored // else held has the monotonic reading of its arrival
	}
	k.loaded = true
	return k.held, nil
}

// save keeps tokens in any case, and in Store if it can. The caller holds mu.
func (k *Keeper) save(ctx context.Context, tokens Tokens) error {
	k.held, k.loaded, k.unsaved = tokens, true, false
	if k.config.Store == nil {
		return nil
	}
	if err := k.config.Store.Save(ctx, tokens); err != nil {
		k.unsaved = true
		return fmt.Errorf("save tokens: %w", err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// jitter spreads d over half of it to one and a half, so that clients that failed together do not return together.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }
