//go:build linux

package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
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
	limitMinutes    = 10
	sampleEvery     = 1000
	lengthSlack     = 16 // two good answers may differ by so many bytes
	tokensPerClient = 64 // several, because a cache of one token must not help
	sessionLife     = 30 * 24 * time.Hour
	// sessionsActive is how many sessions of a store are used, evenly spread. Their tokens exist
	// before the load begins: the generator's work is the same however many sessions the store has.
	sessionsActive = 100_000
)

// answers says what a server answers to a refresh.
type answers int

const (
	constant answers = iota // always the same
	access                  // a new access token
	rotated                 // a new access token and the next refresh token
)

// dialogue is one client's side of a connection.
type dialogue struct {
	kind    answers
	start   time.Time
	verify  *token.Verifier
	random  *rand.Rand
	tokens  []string
	current int
	asked   int
	body    []byte
	length  int // of the last answer that was verified
}

// next returns the body of the next request, which is valid until the call after.
func (d *dialogue) next() []byte {
	d.current = d.asked % len(d.tokens)
	if d.kind == rotated {
		d.current = d.random.IntN(len(d.tokens))
	}
	d.asked++
	d.body = append(append(d.body[:0], `{"refresh_token":"`...), d.tokens[d.current]...)
	d.body = append(d.body, `","limit":10}`...)
	return d.body
}

// accept returns an error unless the answer is the one to the last request.
func (d *dialogue) accept(a answer) error {
	if a.status != http.StatusOK || !bytes.HasPrefix(a.body, []byte(`{"access_token":"`)) {
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
	var got struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		Expired      int64  `json:"expired"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return err
	}
	now := time.Now()
	if d.kind == constant {
		// The constant may expire during the run.
		now = time.Unix(got.Expired, 0).Add(-limitMinutes * time.Minute)
	}
	asked, err := d.verify.Refresh(d.tokens[d.current], now)
	if err != nil {
		return err
	}
	given, err := d.verify.Access(got.AccessToken, now)
	if err != nil {
		return err
	}
	if given.Expires != got.Expired {
		return errors.New("expired is not the token's exp")
	}
	if d.kind == constant {
		return nil
	}
	if given.Identity != asked.Identity {
		return fmt.Errorf("the answer is for %s instead of %s", given.Identity, asked.Identity)
	}
	due := now.Add(limitMinutes * time.Minute).Unix()
	if got.Expired < due-5 || got.Expired > due+1 {
		return fmt.Errorf("the token expires at %d instead of %d", got.Expired, due)
	}
	if d.kind == access {
		return nil
	}
	next, err := d.verify.Refresh(got.RefreshToken, now)
	if err == nil && (next.Session != asked.Session || next.Generation != asked.Generation+1) {
		err = errors.New("the refresh token is not the next of its session")
	}
	return err
}

// signer signs the tokens that the clients begin with.
type signer struct {
	start  time.Time
	minter *token.Minter
	verify *token.Verifier
}

func newSigner(secret string) (*signer, error) {
	keys, err := jwk.SecretSet([]byte(secret), false)
	if err != nil {
		return nil, err
	}
	return &signer{
		start:  time.Now().Truncate(time.Second),
		minter: token.NewMinter(keys, token.Rules{}),
		verify: token.NewVerifier(keys, token.Rules{}),
	}, nil
}

// login returns a login's refresh token with the documented claims and those of newer logins.
func (s *signer) login(identity string) (string, error) {
	claims := fmt.Sprintf(`{"identity":%q,"name":"Real Muchlis","is_admin":true,"type":1,`+
		`"jti":"login-%s","iat":%d,"exp":%d}`, identity, identity, s.start.Unix(), s.expires())
	return s.minter.Issue([]byte(claims), s.start)
}

func (s *signer) expires() int64 { return s.start.Add(sessionLife).Unix() }

func (s *signer) dialogue(kind answers, client int) *dialogue {
	random := rand.New(rand.NewPCG(uint64(client), 1)) //nolint:gosec // clients count from 0
	return &dialogue{kind: kind, start: s.start, verify: s.verify, random: random}
}

// logins returns a dialogue for each client, with tokens of logins.
func (s *signer) logins(kind answers, clients int) ([]*dialogue, error) {
	var all []*dialogue
	for client := range clients {
		d := s.dialogue(kind, client)
		for i := range tokensPerClient {
			raw, err := s.login(fmt.Sprintf("someone.%04d.%04d@kalsel.example", client, i))
			if err != nil {
				return nil, err
			}
			d.tokens = append(d.tokens, raw)
		}
		all = append(all, d)
	}
	return all, nil
}

const owner = "someone@kalsel.example"

// sessions returns a dialogue for each client, with tokens of generation 1 of sessions in a store.
func (s *signer) sessions(count, clients int) ([]*dialogue, error) {
	raw, err := s.login(owner)
	if err != nil {
		return nil, err
	}
	login, err := s.verify.Refresh(raw, s.start)
	if err != nil {
		return nil, err
	}
	var all []*dialogue
	for client := range clients {
		all = append(all, s.dialogue(rotated, client))
	}
	active := min(count, sessionsActive)
	for n := range active {
		m, err := s.minter.Refresh(login, token.Successor{
			Session:    idOf(n * (count / active)),
			Generation: 1,
			IssuedAt:   s.start.Unix(),
			Expires:    s.expires(),
			Now:        s.start.Unix(),
		})
		if err != nil {
			return nil, err
		}
		own := all[n%clients]
		own.tokens = append(own.tokens, m.Token)
	}
	return all, nil
}

// row is a session in the store whose token of generation 1 was minted last.
func (s *signer) row(n int) []any {
	sum := sha256.Sum256([]byte(owner))
	start, end := s.start.UnixMilli(), s.expires()*1000
	return []any{
		idOf(n), hex.EncodeToString(sum[:]), owner, start, int64(1), start, "", int64(0),
		start, "bench", end, end, end + 8*24*3600*1000,
	}
}
