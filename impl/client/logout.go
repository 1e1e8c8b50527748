package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"kalsel.dev/refresh/gen"
)

// Logout deletes the tokens at once and asks the server to revoke the session. It returns nil if
// the server has confirmed the revocation. If the server is unavailable, Logout tries again up to
// three times and then returns [ErrTemporary], wrapped. If the server rejects the request, Logout
// returns its answer, an [Error]. In both cases the next login and the next start of the program
// try again: until then, Store keeps the refresh token for this purpose alone. An error of Store is
// returned too.
func (k *Keeper) Logout(ctx context.Context) error {
	k.mu.Lock()
	tokens, _ := k.load(ctx)
	pending := append(strings.Fields(tokens.LoggedOut), strings.Fields(tokens.RefreshToken)...)
	err := k.save(ctx, Tokens{LoggedOut: strings.Join(pending, " ")})
	k.mu.Unlock()
	return errors.Join(err, k.revokeAll(ctx))
}

// revokeAll asks the server to revoke the sessions that LoggedOut names, with retries. LoggedOut
// keeps the sessions that the server has not confirmed.
func (k *Keeper) revokeAll(ctx context.Context) error {
	k.mu.Lock()
	pending := strings.Fields(k.held.LoggedOut)
	k.mu.Unlock()
	var failures []error
	for _, token := range pending {
		err := k.withRetries(ctx, func() error { return k.revoke(ctx, token) })
		// If the server does not accept the token, there is nothing to revoke.
		if err == nil || errors.Is(err, ErrLoginRequired) {
			failures = append(failures, k.forget(ctx, token))
			continue
		}
		failures = append(failures, fmt.Errorf("the server has not confirmed the logout: %w", err))
		if errors.Is(err, ErrTemporary) || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(failures...)
}

// revoke sends one request. It returns nil if the session is revoked.
func (k *Keeper) revoke(ctx context.Context, token string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	response, err := k.api.RevokeToken(ctx, gen.RevokeRequest{RefreshToken: token})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode == http.StatusNoContent {
		return nil
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrTemporary, err)
	}
	failure := newError(response, body, k.config.Now())
	if failure.Kind == "" { // a proxy answered
		return fmt.Errorf("%w: %w", ErrTemporary, failure)
	}
	return failure
}

// forget removes a refresh token from LoggedOut.
func (k *Keeper) forget(ctx context.Context, token string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	tokens, err := k.load(ctx)
	if err != nil {
		return err
	}
	var left []string
	for t := range strings.FieldsSeq(tokens.LoggedOut) {
		if t != token {
			left = append(left, t)
		}
	}
	tokens.LoggedOut = strings.Join(left, " ")
	return k.save(ctx, tokens)
}
