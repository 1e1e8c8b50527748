//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	tokensPerClient = 64
	limitMinutes    = 10
	sampleEvery     = 1000
	lengthSlack     = 16 // bytes that two good answers may differ by
)

// tokens holds ready-made requests, several for each client so that no cache of one token can shine.
type tokens struct {
	secret   []byte
	requests [][][]byte
}

func newTokens(secret []byte, clients int) *tokens {
	t := &tokens{secret: secret, requests: make([][][]byte, clients)}
	for client := range t.requests {
		for i := range tokensPerClient {
			body := fmt.Sprintf(`{"refresh_token":%q,"limit":%d}`, t.refreshToken(client, i), limitMinutes)
			request := fmt.Sprintf("POST /api/v1/refresh HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"+
				"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			t.requests[client] = append(t.requests[client], []byte(request))
		}
	}
	return t
}

func identity(client, i int) string {
	return fmt.Sprintf("someone.%04d.%04d@kalsel.example", client, i)
}

// refreshToken is a login service's token with the claims of the documented sample and those that newer logins add.
func (t *tokens) refreshToken(client, i int) string {
	now := time.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"identity": identity(client, i), "name": "Real Muchlis", "is_admin": true, "type": 1,
		"jti": fmt.Sprintf("login-%04d-%04d", client, i), "iat": now.Unix(), "exp": now.Add(30 * 24 * time.Hour).Unix(),
	}).SignedString(t.secret)
	if err != nil {
		panic(err) // HMAC with a secret of bytes and claims of plain values cannot fail
	}
	return signed
}

// refreshing talks to a server that redeems tokens.
func (t *tokens) refreshing(client int) dialogue {
	return &refreshDialogue{tokens: t, client: client, requests: t.requests[client]}
}

// reading talks to a server that only reads the request and answers a constant.
func (t *tokens) reading(client int) dialogue {
	return &refreshDialogue{tokens: t, client: client, requests: t.requests[client], constant: true}
}

type refreshDialogue struct {
	tokens   *tokens
	client   int
	requests [][]byte
	constant bool
	asked    int
	length   int // of the first answer, which was verified
}

func (d *refreshDialogue) next() []byte {
	request := d.requests[d.asked%len(d.requests)]
	d.asked++
	return request
}

var (
	answerStart = []byte(`{"access_token":"`)
	expiredName = []byte(`,"expired":`)
)

func (d *refreshDialogue) accept(a answer) error {
	if a.status != http.StatusOK {
		return fmt.Errorf("status %d: %s", a.status, a.body)
	}
	if !bytes.HasPrefix(a.body, answerStart) || !bytes.Contains(a.body[max(0, len(a.body)-40):], expiredName) {
		return fmt.Errorf("not a refresh answer: %s", a.body)
	}
	if (d.asked-1)%sampleEvery == 0 {
		if err := d.verify(a.body); err != nil {
			return fmt.Errorf("%w: %s", err, a.body)
		}
		d.length = len(a.body)
	}
	if len(a.body) < d.length-lengthSlack || len(a.body) > d.length+lengthSlack {
		return fmt.Errorf("%d bytes where %d were expected: %s", len(a.body), d.length, a.body)
	}
	return nil
}

// verify checks signature and claims of an answer.
func (d *refreshDialogue) verify(body []byte) error {
	var got struct {
		AccessToken string `json:"access_token"`
		Expired     int64  `json:"expired"`
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return err
	}
	var claims struct {
		jwt.RegisteredClaims
		Identity string `json:"identity"`
		Type     *int   `json:"type"`
	}
	key := func(*jwt.Token) (any, error) { return d.tokens.secret, nil }
	// The floor's constant grows old; whoever computes an answer is held to the time below.
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithoutClaimsValidation())
	if _, err := parser.ParseWithClaims(got.AccessToken, &claims, key); err != nil {
		return err
	}
	if claims.ExpiresAt == nil || claims.ExpiresAt.Unix() != got.Expired || claims.Type == nil || *claims.Type != 0 {
		return errors.New("expired is not the token's exp, or type is not 0")
	}
	if d.constant {
		return nil
	}
	if want := identity(d.client, (d.asked-1)%len(d.requests)); claims.Identity != want {
		return fmt.Errorf("answer for %s where %s asked", claims.Identity, want)
	}
	due := time.Now().Add(limitMinutes * time.Minute).Unix()
	if got.Expired < due-5 || got.Expired > due+1 {
		return fmt.Errorf("expires at %d where %d was due", got.Expired, due)
	}
	return nil
}
