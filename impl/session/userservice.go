package session

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"kalsel.dev/refresh/impl/token"
)

// The final answers of a user service.
const (
	// ErrNotAllowed: the user service logs this client out. The session is not revoked.
	ErrNotAllowed token.Fault = "token is refused: the user service has logged this client out"
	// ErrIdentityGone: the user service does not know the identity any more. The session is revoked.
	ErrIdentityGone token.Fault = "token is revoked: its user no longer exists"
)

// ErrUserService means that the claims of the user are not known now. The caller may try again.
var ErrUserService = errors.New("the user service is not available")

var (
	// errAccessTooLong is the error for an access token that would be too long.
	errAccessTooLong = errors.New("mint access token")
	// errClaimsTooLong is the same error if the claims are those of the user service. It is no
	// token.Fault, because that would log the user out.
	errClaimsTooLong = errors.New("an access token with the claims of its answer would be too long")
)

// UserService is the operator's service that knows the users.
type UserService interface {
	// Claims returns the claims that the user has now, a JSON object. It returns ErrNotAllowed if
	// the user's client must log in again, and ErrIdentityGone if the user no longer exists. Any
	// other error means that the answer is not known.
	Claims(ctx context.Context, q UserQuestion) ([]byte, error)
	// Failed is called with such an error, and if an answer cannot be used. keep reports whether
	// the refresh goes on with the claims of the refresh token.
	Failed(ctx context.Context, q UserQuestion, err error) (keep bool)
}

// UserQuestion is the question for a user's claims. Equal questions have equal answers.
type UserQuestion struct {
	Identity string
	Session  string // its ID in text form
	Claims   string // of the refresh token, a JSON object
}

// questionAbout returns the question for the claims of the user of a refresh token.
func questionAbout(t *token.Token) UserQuestion {
	return UserQuestion{Identity: t.Identity, Session: IDOf(t).String(), Claims: t.Payload}
}

// AskUser asks the user service for the claims of the token's user, without an effect on the
// session. It fails if a refresh would not go on with the answer.
func AskUser(
	ctx context.Context, users UserService, profile *token.Profile, t *token.Token,
) error {
	claims, err := users.Claims(ctx, questionAbout(t))
	if err != nil {
		return err
	}
	_, _, err = profile.Replace(t, claims)
	return err
}

// userClaims asks the user service for the claims of access tokens.
type userClaims struct {
	service UserService
	profile *token.Profile
	revoker *Revoker
	log     *slog.Logger

	loggedIgnored atomic.Bool
}

// goneLimit bounds the revocation of a session whose identity is gone.
const goneLimit = reuseLimit

// replaced returns granted with the claims that the user has now. granted is t, perhaps with a
// narrower scope. It returns a token.Fault if the answer is final, and ErrUserService if there is
// no usable answer.
func (u *userClaims) replaced(
	ctx context.Context, q UserQuestion, t, granted *token.Token,
) (*token.Token, error) {
	claims, err := u.service.Claims(ctx, q)
	switch {
	case errors.Is(err, ErrIdentityGone):
		return nil, u.revokeGone(ctx, t)
	case errors.Is(err, ErrNotAllowed):
		return nil, ErrNotAllowed
	case err != nil:
		return u.without(ctx, q, granted, err)
	}
	changed, ignored, err := u.profile.Replace(granted, claims)
	if err != nil {
		return u.without(ctx, q, granted, err)
	}
	if len(ignored) > 0 && !u.loggedIgnored.Swap(true) {
		u.log.WarnContext(ctx, "The user service returned claims that it cannot change; the access "+
			"tokens have the values of the refresh tokens. Further such answers are not logged",
			"claims", strings.Join(ignored, ", "))
	}
	return changed, nil
}

// without returns granted if a refresh goes on without the user service, and ErrUserService if not.
func (u *userClaims) without(
	ctx context.Context, q UserQuestion, granted *token.Token, err error,
) (*token.Token, error) {
	if u.service.Failed(ctx, q, err) {
		return granted, nil
	}
	return nil, fmt.Errorf("%w: %w", ErrUserService, err)
}

// revokeGone revokes the session of an identity that is gone, and returns ErrIdentityGone. Then the
// revocation is committed and every node knows it. The request's own context is not used: a client
// that hangs up must not prevent the revocation.
func (u *userClaims) revokeGone(ctx context.Context, t *token.Token) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), goneLimit)
	defer cancel()
	by := Origin{Actor: actorUserService, Reason: "the identity is gone"}
	if _, err := u.revoker.RevokeToken(ctx, t, by); err != nil {
		return err
	}
	return ErrIdentityGone
}

// redeemUpToDate redeems a refresh token for an access token with the claims that the user has now.
// Nothing is written or minted before the user service has answered, and the revocations are
// checked before and after its answer.
func (s *Service) redeemUpToDate(
	ctx context.Context, raw string, t, granted *token.Token, life time.Duration, from Client,
) (Grant, error) {
	if err := s.checkRevoked(ctx, t); err != nil {
		return Grant{}, err
	}
	q := questionAbout(t)
	current, err := s.users.replaced(ctx, q, t, granted)
	if err != nil {
		return Grant{}, err
	}
	now := s.now() // the answer took time
	if now.Unix() >= t.Expires {
		return Grant{}, token.ErrExpired
	}
	grant, err := s.redeem(ctx, raw, t, current, life, from, now)
	if current == granted || !errors.Is(err, errAccessTooLong) {
		return grant, err
	}
	if granted, err = s.users.without(ctx, q, granted, errClaimsTooLong); err != nil {
		return Grant{}, err
	}
	return s.redeem(ctx, raw, t, granted, life, from, now)
}

// checkRevoked returns an error if the token is revoked, or if that is not known.
func (s *Service) checkRevoked(ctx context.Context, t *token.Token) error {
	subject := subjectOf(t)
	state, err := s.node.Lookup(ctx, subject.id, subject.identity)
	if err != nil {
		return err
	}
	if t.Own && !subject.hasStarted && !state.Revoked {
		return nil // only the row can tell when the session started, and redeem reads it
	}
	return subject.rejection(state)
}
