package token

import (
	"slices"
	"time"
)

// fault returns the first fault of the claims that is not about the present time. byIssuer tells
// that the key of a trusted issuer has verified the token.
func (r *Rules) fault(h *header, byIssuer bool, t *Token, now int64, refresh bool) error {
	issued := now
	if t.HasIssuedAt {
		issued = t.IssuedAt
	}
	longest := int64(r.MaxLifetime / time.Second)
	switch {
	case byIssuer && r.Issuer == "":
		return because(ErrIssuer, "this server has no configured issuer for the key that signed it")
	case r.Issuer != "" && t.issuer == "":
		return because(ErrIssuer, "the claim iss is missing")
	case r.Issuer != "" && t.Issuer != r.Issuer:
		return because(ErrIssuer, "the claim iss is not the configured issuer")
	case r.Audience != "" && !slices.Contains(t.Audience, r.Audience):
		return because(ErrAudience, "the claim aud does not contain the configured audience")
	case t.bound:
		return because(ErrBound, "the claim cnf needs a proof, which cannot be checked here")
	case refresh:
		if err := r.notRefresh(h, t); err != nil {
			return err
		}
	case !t.HasType || t.Type != typeAccess:
		return because(ErrNotAccess, "the claim type must be the number 0")
	case h.kind != "" && h.kind != "at":
		return because(ErrNotAccess, "typ in its header names another kind of token")
	}
	switch {
	case t.Identity == "" && t.hasSubject:
		return because(ErrNoIdentity, "the claim identity is missing; sub is not used")
	case t.Identity == "":
		return because(ErrNoIdentity, "the claim identity is missing or empty")
	case !t.HasExpires:
		return because(ErrNoExpiry, "the claim exp is missing")
	case refresh && longest > 0 && t.Expires-issued > longest:
		if t.Expires > milliseconds {
			return because(ErrLifetime, "the claim exp must be in seconds, not in milliseconds")
		}
		return ErrLifetime
	}
	return nil
}

// milliseconds is a time in the year 5138. A later exp, iat or nbf is surely in milliseconds.
const milliseconds = 100_000_000_000

// notRefresh returns ErrNotRefresh, with its cause, if the token is another kind of token.
func (r *Rules) notRefresh(h *header, t *Token) error {
	switch {
	case t.HasType && t.Type == typeAccess:
		return because(ErrNotRefresh, "it is an access token: the claim type is 0")
	case t.HasType && t.Type != typeRefresh:
		return because(ErrNotRefresh, "the claim type must be the number 1")
	case t.Fresh:
		return because(ErrNotRefresh, "the claim fresh is true, as only access tokens have it")
	case !t.HasType && r.RequireType:
		return because(ErrNotRefresh, "the claim type is missing, and this server requires it")
	case h.kind != "" && h.kind != "rt" && h.kind != "refresh":
		return because(ErrNotRefresh, "typ in its header names another kind of token")
	}
	return nil
}

// timeFault returns the fault of a token whose only fault is the present time, or nil. If the iat
// of a token of our own is ahead, a clock of ours is wrong: that is no fault of the token.
func (t *Token) timeFault(now int64) error {
	from := t.NotBefore
	if !t.Own {
		from = max(from, t.IssuedAt)
	}
	ahead := from - now
	switch {
	case ahead > leeway && from > milliseconds:
		return because(ErrNotYet, "the claims iat and nbf must be in seconds, not in milliseconds")
	case ahead > tooEarly, ahead > leeway && now >= t.Expires:
		return because(ErrNotYet, "iat or nbf is ahead of this server's clock")
	case ahead > leeway:
		return &Early{Missing: time.Duration(ahead-leeway) * time.Second}
	case now >= t.Expires:
		return ErrExpired
	}
	return nil
}
