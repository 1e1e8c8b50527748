package client

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"kalsel.dev/refresh/gen"
)

const (
	timeout   = 10 * time.Second // for one request
	maxWait   = 30 * time.Second // between two tries; a longer Retry-After goes to the caller
	retries   = 3
	maxAnswer = 64 << 10               // bytes; tokens are a few hundred
	firstTry  = 500 * time.Millisecond // wait after the first failure, doubled after each
)

// Error is an answer of the refresh endpoint that brought no token. It wraps [ErrLoginRequired] for 421 and 422, [ErrTemporary] for what may
// pass, and nothing for what the caller must mend (400 and the like).
type Error struct {
	// Status is the HTTP status.
	Status int
	// Message and Causes are the server's words, for people.
	Message string
	Causes  []string
	// RetryAfter is how long the server asked to wait, 0 if it did not say.
	RetryAfter time.Duration
}

func (e *Error) Error() string {
	return fmt.Sprintf("refresh answered %d: %s %q", e.Status, e.Message, e.Causes)
}

// Unwrap returns what follows from the status.
func (e *Error) Unwrap() error {
	switch {
	case e.Status == http.StatusMisdirectedRequest, e.Status == http.StatusUnprocessableEntity:
		return ErrLoginRequired
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooEarly,
		e.Status >= 500, e.Status < 400: // a page in place of the answer, as hotels and proxies put there
		return ErrTemporary
	}
	return nil
}

// refresh waits for a refresh of the access token old, its own or one under way.
func (k *Keeper) refresh(ctx context.Context, old string) error {
	select {
	case result := <-k.begin(old):
		return result.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// begin starts a refresh unless one is under way. It does not end with any caller's context: others wait for it, and an answer
// with a rotated token must not be lost.
func (k *Keeper) begin(old string) <-chan result {
	return k.flight.DoChan(old, func() (any, error) { return nil, k.redeem(context.Background(), old) })
}

func (k *Keeper) redeem(ctx context.Context, old string) error {
	for try := 0; ; try++ {
		if err := k.obeySilence(ctx); err != nil {
			return err
		}
		err := k.redeemOnce(ctx, old)
		if err == nil || !errors.Is(err, ErrTemporary) || try == retries {
			return err
		}
		wait := jitter(firstTry << try)
		if refused := (*Error)(nil); errors.As(err, &refused) && refused.RetryAfter > 0 {
			k.keepSilent(refused.RetryAfter)
			wait = max(wait, refused.RetryAfter)
		}
		if wait > maxWait {
			return err
		}
		if err := k.config.Sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (k *Keeper) keepSilent(d time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.silent = k.config.Now().Add(d)
}

func (k *Keeper) obeySilence(ctx context.Context) error {
	k.mu.Lock()
	left := k.silent.Sub(k.config.Now())
	k.mu.Unlock()
	if left > maxWait {
		return &Error{Status: http.StatusTooManyRequests, Message: "the server asked to wait", RetryAfter: left}
	}
	if left > 0 {
		return k.config.Sleep(ctx, left)
	}
	return nil
}

// redeemOnce makes one try. It is done if somebody has replaced the access token old meanwhile.
func (k *Keeper) redeemOnce(ctx context.Context, old string) error {
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
	var answer grant
	if response.StatusCode == http.StatusOK && json.Unmarshal(body, &answer) == nil && answer.AccessToken != "" {
		k.accept(tokens.RefreshToken, answer)
		return nil
	}
	return k.refused(tokens.RefreshToken, newError(response, body, k.config.Now()))
}

// grant is the answer to an accepted refresh token. The generated client's own parser would fail on a Retry-After in another form than
// the contract's, such as a proxy's, and lose the status with it; here the status alone decides.
type grant struct {
	gen.RefreshedTokens
	RefreshToken string `json:"refresh_token"` // the one to use next, where the server rotates them
}

// accept stores an answer to the refresh token sent, unless the store has moved on since.
func (k *Keeper) accept(sent string, answer grant) {
	rotated := cmp.Or(answer.RefreshToken, sent)
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	k.mu.Lock()
	defer k.mu.Unlock()
	held, err := k.load(ctx)
	if err != nil {
		k.config.Log.Warn("the token store does not answer", "error", err)
	}
	if held.RefreshToken != sent && held.RefreshToken != rotated {
		return // logged out, rotated further, or another login
	}
	next := held
	next.RefreshToken = rotated
	if issuedAt(answer.AccessToken) >= issuedAt(held.AccessToken) {
		next.AccessToken, next.Expired = answer.AccessToken, answer.Expired
		next.Received = k.config.Now()
	}
	if err := k.save(ctx, next); err != nil {
		k.config.Log.Warn("tokens are kept in memory only", "error", err)
	}
}

// refused draws the conclusion from a failure. The session ends on 421 and 422 alone, and only if the refused token is still the one in use.
func (k *Keeper) refused(sent string, failure *Error) error {
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
	if err := k.save(ctx, Tokens{}); err != nil {
		k.config.Log.Warn("the end of the session is not saved", "error", err)
	}
	return failure
}

func newError(response *http.Response, body []byte, now time.Time) *Error {
	var envelope gen.ErrorEnvelope
	_ = json.Unmarshal(body, &envelope) // it is for people
	return &Error{
		Status: response.StatusCode, Message: envelope.Message, Causes: envelope.Causes,
		RetryAfter: retryAfter(response.Header, now),
	}
}

// retryAfter reads seconds or a date, a date by the server's own clock if it tells it.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(header.Get("Date")); err == nil {
		now = date
	}
	return max(at.Sub(now), 0)
}

// revoke tells the server of a logout, as far as it can be reached.
func (k *Keeper) revoke(ctx context.Context, token string) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if response, err := k.api.RevokeToken(ctx, gen.RevokeRequest{RefreshToken: token}); err == nil {
		_ = response.Body.Close()
	}
}
