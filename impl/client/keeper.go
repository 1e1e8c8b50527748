// Package client keeps a user of a Go program logged in: it refreshes the access token in time,
// once for all goroutines, and reports when the user must log in again. A [Keeper] is an
// oauth2.TokenSource, and [Keeper.Transport] is an http.RoundTripper.
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
	// ErrLoginRequired means that the keeper has no tokens, or that the server rejected the refresh
	// token for good (421 or 422). Send the user to the login.
	ErrLoginRequired = errors.New("login required")
	// ErrTemporary means that there is no valid access token at the moment. The user stays logged
	// in; try again later.
	ErrTemporary = errors.New("refresh failed for now, try again later")
)

// Config holds the settings of a [Keeper]. Only Server is required.
type Config struct {
	// Server is the URL of the refresh service, including a path if the service has one.
	Server string
	// Limit is the lifetime of new access tokens in minutes, from 10 to 10080. 0 means 10080.
	Limit int32
	// Store saves the tokens. If it is nil, the tokens are lost when the program ends.
	Store Store
	// HTTP sends the requests of the keeper. If it is nil, the keeper uses a client that follows no
	// redirect, so that the refresh token is sent to no other server.
	HTTP gen.HttpRequestDoer
	// Log receives warnings about Store. If it is nil, warnings are dropped.
	Log *slog.Logger
	// Now returns the current time. If it is nil, the keeper uses time.Now.
	Now func() time.Time
	// Sleep waits before the next try. If it is nil, the keeper uses a timer.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Keeper keeps the tokens of one session valid. It is safe for concurrent use.
type Keeper struct {
	config  Config
	server  *url.URL
	api     *gen.Client
	refresh singleflight.Group // the keys are access tokens

	mu         sync.Mutex // guards the fields below
	held       Tokens
	stored     Tokens    // the tokens in Store; they differ from held if Store failed to save held
	loaded     bool      // Store was read
	retryAfter time.Time // send no refresh before this time, because the server asked for it
	rejected   string    // an access token that an API rejected although it was new
}

var _ oauth2.TokenSource = (*Keeper)(nil)

// New returns a keeper. It fails if the configuration is invalid. It sends no request.
func New(config Config) (*Keeper, error) {
	server, err := url.Parse(config.Server)
	if err != nil || server.Host == "" || (server.Scheme != "https" && server.Scheme != "http") {
		return nil, fmt.Errorf("server must be an absolute http or https URL: %q", config.Server)
	}
	if config.Limit != 0 && (config.Limit < 10 || config.Limit > 10080) {
		return nil, fmt.Errorf("limit must be from 10 to 10080 minutes: %d", config.Limit)
	}
	if config.HTTP == nil {
		config.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		}}
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	if config.Now == nil {
		config.Now = time.Now //nolint:forbidigo // a library needs a default clock
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

// Login stores the tokens that the login returned. It fails if there is no refresh token or if
// Expired is not in seconds. If Store fails, Login returns that error, but the keeper holds the
// tokens in memory and works.
func (k *Keeper) Login(ctx context.Context, tokens Tokens) error {
	if tokens.RefreshToken == "" {
		return errors.New("the login returned no refresh token")
	}
	if tokens.Expired > maxExpired {
		return errors.New("expired must be in Unix seconds, not in milliseconds")
	}
	if tokens.Received.IsZero() {
		tokens.Received = k.config.Now()
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rejected = ""
	started := !k.loaded // then load itself revokes the sessions that are pending
	if held, err := k.load(ctx); err == nil {
		tokens.LoggedOut = held.LoggedOut
	}
	if !started && tokens.LoggedOut != "" {
		go k.revokeAll(context.WithoutCancel(ctx)) //nolint:errcheck // the next start tries again
	}
	return k.save(ctx, tokens)
}

// AccessToken returns a valid access token. It refreshes the token first if necessary. It returns
// [ErrLoginRequired] or [ErrTemporary], wrapped, or the error of ctx.
func (k *Keeper) AccessToken(ctx context.Context) (string, error) {
	tokens, err := k.valid(ctx)
	return tokens.AccessToken, err
}

// Token implements oauth2.TokenSource. The token's Expiry is a time of the local clock, even if
// that clock is wrong.
func (k *Keeper) Token() (*oauth2.Token, error) {
	tokens, err := k.valid(context.Background())
	if err != nil {
		return nil, err
	}
	now := k.config.Now()
	return &oauth2.Token{
		AccessToken: tokens.AccessToken,
		TokenType:   "Bearer",
		Expiry:      now.Add(tokens.remaining(now)),
	}, nil
}

// Refresh refreshes now, even if the access token is still valid. Call it when a certain page
// opens. If several goroutines call it at once, the keeper sends one request. That request
// continues when a caller's ctx is cancelled.
func (k *Keeper) Refresh(ctx context.Context) error {
	old, err := k.current(ctx)
	if err != nil {
		return err
	}
	return k.replace(ctx, old.AccessToken)
}

// valid returns tokens whose access token is good for a request.
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
		k.begin(tokens.AccessToken) // the caller does not wait: the token is still valid
		return tokens, nil
	}
	if err := k.replace(ctx, tokens.AccessToken); err != nil {
		return Tokens{}, err
	}
	return k.current(ctx)
}

// current returns the tokens that the keeper holds. It reads Store only if the keeper holds none.
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

// load reads Store, because another program may have written to it. The caller holds mu.
func (k *Keeper) load(ctx context.Context) (Tokens, error) {
	if k.config.Store == nil {
		k.loaded = true
		return k.held, nil
	}
	stored, err := k.config.Store.Load(ctx)
	if err != nil {
		return k.held, fmt.Errorf("load tokens: %w", err)
	}
	first := !k.loaded
	if first || !stored.same(k.stored) {
		k.held, k.stored, k.loaded = stored, stored, true
	}
	if first && stored.LoggedOut != "" {
		// The context of the caller ends too early. If this fails, the next start tries again.
		go k.revokeAll(context.WithoutCancel(ctx)) //nolint:errcheck // see above
	}
	return k.held, nil
}

// save puts tokens into memory and into Store. If Store fails, the keeper goes on with the copy in
// memory. A refresh token that was used must not stay in Store, because another program would use
// it again: then save stores the new refresh token alone, or else no token. The caller holds mu.
func (k *Keeper) save(ctx context.Context, tokens Tokens) error {
	k.held, k.loaded = tokens, true
	if k.config.Store == nil {
		return nil
	}
	err := k.config.Store.Save(ctx, tokens)
	if err == nil {
		k.stored = tokens
		return nil
	}
	alone := Tokens{RefreshToken: tokens.RefreshToken, LoggedOut: tokens.LoggedOut}
	for _, less := range []Tokens{alone, {LoggedOut: tokens.LoggedOut}, {}} {
		if k.config.Store.Save(ctx, less) == nil {
			k.stored = less
			break
		}
	}
	return fmt.Errorf("save tokens: %w", err)
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

// jitter returns a random duration from d/2 to 3d/2, so that clients that failed at the same moment
// do not all try again at the same moment.
func jitter(d time.Duration) time.Duration { return d/2 + rand.N(d) }
