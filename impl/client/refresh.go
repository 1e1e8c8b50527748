package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"golang.org/x/sync/singleflight"

	"kalsel.dev/refresh/gen"
)

const (
	timeout   = 10 * time.Second       // of one request
	retries   = 3                      // after the first try
	firstWait = 500 * time.Millisecond // after the first failure, doubled after each further one
	maxWait   = 30 * time.Second       // if Retry-After is longer, the caller gets an error at once
	maxAnswer = 64 << 10               // bytes; tokens have a few hundred
)

// replace waits until the access token old is replaced, by this call or by a refresh that is
// already running.
func (k *Keeper) replace(ctx context.Context, old string) error {
	select {
	case result := <-k.begin(old):
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin starts a refresh unless one is running. The refresh does not use the context of a caller:
// other callers wait for the same refresh, and a rotated refresh token must not be lost.
func (k *Keeper) begin(old string) <-chan singleflight.Result {
	return k.refresh.DoChan(old, func() (any, error) {
		ctx := context.Background()
		return nil, k.withRetries(ctx, func() error { return k.refreshOnce(ctx, old) })
	})
}

// withRetries calls send again as long as it returns [ErrTemporary], up to three times.
func (k *Keeper) withRetries(ctx context.Context, send func() error) error {
	for try := 0; ; try++ {
		if err := k.waitForServer(ctx); err != nil {
			return err
		}
		err := send()
		if err == nil || !errors.Is(err, ErrTemporary) || try == retries {
			return err
		}
		wait := jitter(firstWait << try)
		if answer := (*Error)(nil); errors.As(err, &answer) && answer.RetryAfter > 0 {
			k.setRetryAfter(answer.RetryAfter)
			wait = max(wait, answer.RetryAfter)
		}
		if wait > maxWait {
			return err
		}
		if err := k.config.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (k *Keeper) setRetryAfter(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.retryAfter = k.config.Now().Add(d)
}

// waitForServer waits as long as the last Retry-After asks for. It fails at once if that is longer
// than maxWait.
func (k *Keeper) waitForServer(ctx context.Context) error {
	k.mu.Lock()
	left := k.retryAfter.Sub(k.config.Now())
	k.mu.Unlock()
	if left > maxWait {
		return &Error{
			Status:     http.StatusTooManyRequests,
			Message:    "the server asked to wait",
			RetryAfter: left,
		}
	}
	if left > 0 {
		return k.config.Sleep(ctx, left)
	}
	return nil
}

// refreshOnce sends one request. It sends none if the access token old has been replaced meanwhile.
func (k *Keeper) refreshOnce(ctx context.Context, old string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	k.mu.Lock()
	tokens, err := k.load(ctx)
	k.mu.Unlock()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	if tokens.RefreshToken == "" {
		return ErrLoginRequired
	}
	if tokens.AccessToken != old {
		return nil
	}
	request := gen.RefreshRequest{RefreshToken: tokens.RefreshToken}
	if k.config.Limit != 0 {
		request.Limit = &k.config.Limit
	}
	response, err := k.api.RefreshToken(ctx, request)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	// The parser of the generated client would fail on a Retry-After that is a date, as proxies
	// send it, and the status would be lost. Here the status decides.
	var answer gen.RefreshedTokens
	accepted := response.StatusCode == http.StatusOK && json.Unmarshal(body, &answer) == nil
	if accepted && answer.AccessToken != "" {
		k.accept(tokens.RefreshToken, answer)
		return nil
	}
	return k.fail(tokens.RefreshToken, newError(response, body, k.config.Now()))
}

// accept stores the answer to the refresh token sent, unless Store has newer tokens.
func (k *Keeper) accept(sent string, answer gen.RefreshedTokens) {
	next := sent
	if answer.RefreshToken != nil {
		next = cmp.Or(*answer.RefreshToken, sent)
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	k.mu.Lock()
	defer k.mu.Unlock()
	held, err := k.load(ctx)
	if err != nil {
		k.config.Log.Warn("cannot load the tokens from the store", "error", err)
	}
	if held.RefreshToken != sent && held.RefreshToken != next {
		return // the user logged out or logged in, or another program refreshed again
	}
	tokens := held
	tokens.RefreshToken = next
	// If the access token in the store expires soon, it is replaced in any case: the clock of the
	// server may have been put back.
	due, _ := held.due(k.config.Now())
	if due || issuedAt(answer.AccessToken) >= issuedAt(held.AccessToken) {
		tokens.AccessToken, tokens.Expired = answer.AccessToken, answer.Expired
		tokens.Received = k.config.Now()
	}
	if err := k.save(ctx, tokens); err != nil {
		k.config.Log.Warn("cannot save the tokens, they are kept in memory only", "error", err)
	}
}

// fail returns the error of a refresh. If the answer is final (421 or 422) and Store still has the
// refresh token sent, it deletes the tokens.
func (k *Keeper) fail(sent string, failure *Error) error {
	if !errors.Is(failure, ErrLoginRequired) {
		return failure
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	k.mu.Lock()
	defer k.mu.Unlock()
	held, err := k.load(ctx)
	if err == nil && held.RefreshToken != "" && held.RefreshToken != sent {
		return nil
	}
	if err := k.save(ctx, Tokens{LoggedOut: held.LoggedOut}); err != nil {
		k.config.Log.Warn("cannot delete the tokens from the store", "error", err)
	}
	return failure
}
