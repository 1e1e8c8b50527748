package token

import (
	"slices"
	"time"
)

// use says as which kind of token a token is presented.
type use uint8

const (
	asRefresh use = iota
	asAccess
	// asAccessApart is an access token whose key signs access tokens only.
	asAccessApart
)

// fault returns the first fault of the claims that is not about the present time. byIssuer tells
// that the key of a trusted issuer has verified the token.
func (r *Rules) fault(h *header, byIssuer bool, t *Token, now int64, as use) error {
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
	}
	reject := r.notAccess
	if as == asRefresh {
		reject = r.notRefresh
	}
	if err := reject(h, t, as); err != nil {
		return err
	}
	switch {
	case t.Identity == "" && t.hasSubject:
		return because(ErrNoIdentity, "the claim "+r.Profile.Identity+
			" is missing; sub is not used in the login profile "+r.Profile.Name)
	case t.Identity == "":
		return because(ErrNoIdentity, "the claim "+r.Profile.Identity+" is missing or empty")
	case !t.HasExpires:
		return because(ErrNoExpiry, "the claim exp is missing")
	case as == asRefresh && longest > 0 && t.Expires-issued > longest:
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
func (r *Rules) notRefresh(h *header, t *Token, _ use) error {
	p := r.Profile
	switch {
	case t.kind == accessKind:
		return because(ErrNotRefresh, "it is an access token: the claim "+p.Kind+" is "+p.Access)
	case t.kind == otherKind:
		return because(ErrNotRefresh, "the claim "+p.Kind+" must be "+named(p.Refresh))
	case t.Fresh:
		return because(ErrNotRefresh, "the claim fresh is true, as only access tokens have it")
	case t.kind == noKind && r.NeedsType():
		return because(ErrNotRefresh,
			"the claim "+p.Kind+" is missing, and this server requires it")
	case p.MarkName != "" && !t.marked:
		return because(ErrNotRefresh, "the claim "+p.MarkName+" must be "+named(p.MarkValue))
	case h.kind != "" && h.kind != "rt" && h.kind != "refresh":
		return because(ErrNotRefresh, "typ in its header names another kind of token")
	}
	return nil
}

// notAccess returns ErrNotAccess, with its cause, if the token is another kind of token. If the
// login does not mark its access tokens, they are told by the key that signed them, or by the claim
// that refresh tokens have.
func (r *Rules) notAccess(h *header, t *Token, as use) error {
	p := r.Profile
	told := p.Refresh == "" && (p.MarkName != "" || as == asAccessApart)
	switch {
	case t.kind != accessKind && !told:
		return because(ErrNotAccess, "the claim "+p.Kind+" must be "+named(p.Access))
	case t.marked:
		return because(ErrNotAccess, "the claim "+p.MarkName+" is that of a refresh token")
	case h.kind != "" && h.kind != "at":
		return because(ErrNotAccess, "typ in its header names another kind of token")
	}
	return nil
}

// named returns a JSON value with its type in front if it is a number.
func named(value string) string {
	if c := value[0]; c == '-' || '0' <= c && c <= '9' {
		return "the number " + value
	}
	return value
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
