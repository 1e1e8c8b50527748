//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/token"
)

const (
	limit           = 10 * time.Minute // of the access tokens
	sampleEvery     = 1000
	lengthSlack     = 16 // two good answers may differ by so many bytes
	tokensPerClient = 64 // several, because a cache of one token must not help
	sessionLife     = 30 * 24 * time.Hour
	// sessionsActive is how many sessions of a store are used, evenly spread. Their tokens exist
	// before the load begins: the generator's work is the same however many sessions the store has.
	sessionsActive = 100_000
)

// answers is the kind of answers that a server gives to a refresh.
type answers int

const (
	constant answers = iota // always the same
	access                  // a new access token
	rotated                 // a new access token and the next refresh token
	checked                 // 200 to an access token, with any body
)

// dialogue is one client's side of a connection.
type dialogue struct {
	kind    answers
	verify  *token.Verifier
	tokens  []string
	current int
	asked   int
	body    []byte
	length  int // of the last answer that was verified
}

// next returns the body of the next request, or the access token of a request that asks about one.
// It is valid until the call after.
func (d *dialogue) next() []byte {
	d.current = d.asked % len(d.tokens)
	if d.kind == rotated {
		d.current = rand.IntN(len(d.tokens))
	}
	d.asked++
	if d.kind == checked {
		return append(d.body[:0], d.tokens[d.current]...)
	}
	d.body = append(append(d.body[:0], `{"refresh_token":"`...), d.tokens[d.current]...)
	d.body = append(d.body, `","limit":10}`...)
	return d.body
}

// accept returns an error unless the answer is the one to the last request.
func (d *dialogue) accept(a answer) error {
	if d.kind == checked && a.status == http.StatusOK {
		return nil
	}
	if a.status != http.StatusOK || !bytes.HasPrefix(a.body, []byte(`{"access_token":"`)) {
		d.asked-- // the next answer may be the first one, whose length is measured
		return fmt.Errorf("status %d: %s", a.status, a.body)
	}
	if (d.asked-1)%sampleEvery == 0 {
		if err := d.check(a.body); err != nil {
			return fmt.Errorf("%w: %s", err, a.body)
		}
		d.length = len(a.body)
	}
	if len(a.body) < d.length-lengthSlack || len(a.body) > d.length+lengthSlack {
		return fmt.Errorf("%d bytes instead of %d: %s", len(a.body), d.length, a.body)
	}
	if d.kind == rotated {
		_, rest, _ := bytes.Cut(a.body, []byte(`,"refresh_token":"`))
		successor, _, found := bytes.Cut(rest, []byte(`"`))
		if !found || string(successor) == d.tokens[d.current] {
			return fmt.Errorf("no new refresh token: %s", a.body)
		}
		d.tokens[d.current] = string(successor)
	}
	return nil
}

// check verifies the tokens of an answer.
func (d *dialogue) check(body []byte) error {
	if d.kind == constant {
		return nil
	}
	var got struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		Expired      int64  `json:"expired"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return err
	}
	now := time.Now()
	asked, err := d.verify.Refresh(d.tokens[d.current], now)
	if err != nil {
		return err
	}
	given, err := d.verify.Access(got.AccessToken, now)
	due := now.Add(limit).Unix()
	switch {
	case err != nil:
		return err
	case given.Expires != got.Expired || got.Expired < due-5 || got.Expired > due+1:
		return fmt.Errorf("expired is not the token's exp or not about %d", due)
	case given.Identity != asked.Identity:
		return fmt.Errorf("the answer is for %s instead of %s", given.Identity, asked.Identity)
	case d.kind == access:
		return nil
	}
	next, err := d.verify.Refresh(got.RefreshToken, now)
	if err == nil && (next.Session != asked.Session || next.Generation != asked.Generation+1) {
		err = errors.New("the refresh token is not the next of its session")
	}
	return err
}

// signer signs the tokens that the clients begin with. It panics if it cannot, which no server and
// no flag can cause.
type signer struct {
	start  time.Time
	minter *token.Minter
	verify *token.Verifier
}

func newSigner(secret string) signer {
	keys := must(jwk.SecretSet([]byte(secret), false))
	return signer{
		start:  time.Now().Truncate(time.Second),
		minter: token.NewMinter(keys, token.Rules{}),
		verify: token.NewVerifier(keys, token.Rules{}),
	}
}

// login returns a login's refresh token with the documented claims and those of newer logins.
func (s *signer) login(n int) string {
	claims := fmt.Sprintf(`{"identity":"someone.%06[1]d@kalsel.example","name":"Real Muchlis",`+
		`"is_admin":true,"type":1,"jti":"login-%06[1]d","iat":%[2]d,"exp":%[3]d}`,
		n, s.start.Unix(), s.start.Add(sessionLife).Unix())
	return must(s.minter.Issue([]byte(claims), s.start))
}

// owner is the login of all sessions in the stores, and of the floor's constant.
func (s *signer) owner() *token.Token { return must(s.verify.Refresh(s.login(0), s.start)) }

// constantAnswer returns the floor's answer, which has the size of refreshd's.
func (s *signer) constantAnswer() string {
	minted := must(s.minter.Access(s.owner(), token.Session{}, limit, s.start))
	return fmt.Sprintf(`{"access_token":%q,"expired":%d}`, minted.Token, minted.Expires)
}

// logins returns a dialogue for each client, with tokens of logins.
func (s *signer) logins(kind answers, clients int) []*dialogue {
	return s.dialogues(kind, clients, clients*tokensPerClient, s.login)
}

// sessions returns a dialogue for each client, with tokens of generation 1 of sessions in a store.
func (s *signer) sessions(count, clients int) []*dialogue {
	login, active := s.owner(), min(count, sessionsActive)
	return s.dialogues(rotated, clients, active, func(n int) string {
		return must(s.minter.Refresh(login, token.Successor{
			Session:    idOf(n * (count / active)),
			Generation: 1,
			IssuedAt:   s.start.Unix(),
			Expires:    login.Expires,
			Now:        s.start.Unix(),
		})).Token
	})
}

// dialogues shares so many tokens out among the clients.
func (s *signer) dialogues(kind answers, clients, tokens int, sign func(n int) string) []*dialogue {
	all := make([]*dialogue, clients)
	for client := range all {
		all[client] = &dialogue{kind: kind, verify: s.verify}
		for n := client; n < tokens; n += clients {
			all[client].tokens = append(all[client].tokens, sign(n))
		}
	}
	return all
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
