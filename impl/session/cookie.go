package session

import (
	"context"

	"kalsel.dev/refresh/impl/token"
)

// errCookieTooLong means that a refresh token, or the one that follows it, does not fit into a
// cookie of 4096 bytes, the longest that browsers keep.
const errCookieTooLong token.Fault = "token is too long for a cookie: give it fewer claims"

// fits returns errCookieTooLong if the client cannot keep a refresh token of this length.
func (c *Client) fits(refreshToken string) error {
	if c.MaxRefreshToken > 0 && len(refreshToken) > c.MaxRefreshToken {
		return errCookieTooLong
	}
	return nil
}

// LogoutReplaced revokes the session of the refresh token old, unless next is a refresh token of
// the same session. It returns nil if old is not genuine: then it gives access to nothing. next may
// be empty.
func (s *Service) LogoutReplaced(ctx context.Context, old, next string) error {
	was, err := s.verify(ctx, (*token.Verifier).Refresh, old, s.now())
	if was == nil {
		return unlessFault(err)
	}
	reason := "logout"
	if next != "" {
		is, err := s.verify(ctx, (*token.Verifier).Refresh, next, s.now())
		if is == nil {
			return err
		}
		if IDOf(is) == IDOf(was) {
			return nil
		}
		reason = "another login in the same browser"
	}
	_, err = s.RevokeToken(ctx, was, Origin{Actor: actorClient, Reason: reason})
	return err
}
