//go:build linux

package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// chains are sessions whose first successors the store already knows, and the clients that follow them.
type chains struct {
	count   int
	start   time.Time
	login   *token.Token
	minter  *token.Minter
	verify  *token.Verifier
	clients []*chainDialogue
}

const (
	chainLife = 30 * 24 * time.Hour
	// chainsActive is how many of the sessions are used, evenly spread. Their tokens are there before the load begins, so that the
	// generator's work is the same however many sessions the store has.
	chainsActive = 100_000
)

func newChains(secret []byte, count, clients int) (*chains, error) {
	keys, err := jwk.SecretSet(secret, false)
	if err != nil {
		return nil, err
	}
	c := &chains{count: count, start: time.Now().Add(-time.Hour).Truncate(time.Second)}
	c.minter, c.verify = token.NewMinter(keys, token.Rules{}), token.NewVerifier(keys, token.Rules{})
	claims := fmt.Sprintf(`{"identity":"someone@kalsel.example","name":"Real Muchlis","is_admin":true,"type":1,"exp":%d}`, c.expires())
	raw, err := c.minter.Issue([]byte(claims), c.start)
	if err != nil {
		return nil, err
	}
	if c.login, err = c.verify.Refresh(raw, time.Now()); err != nil {
		return nil, err
	}
	for i := range clients {
		c.clients = append(c.clients, &chainDialogue{chains: c, random: rand.New(rand.NewPCG(uint64(i), 1))})
	}
	active := min(count, chainsActive)
	for n := range active {
		own := c.clients[n%clients]
		first, err := c.first(n * (count / active))
		if err != nil {
			return nil, err
		}
		own.tokens = append(own.tokens, first)
	}
	return c, nil
}

func (c *chains) expires() int64 { return c.start.Add(chainLife).Unix() }

func (c *chains) talk(client int) dialogue { return c.clients[client] }

func (c *chains) id(n int) string {
	sum := sha256.Sum256(strconv.AppendInt([]byte("bench"), int64(n), 10))
	return hex.EncodeToString(sum[:])
}

// first is the refresh token that the session's row says was minted last.
func (c *chains) first(n int) (string, error) {
	m, err := c.minter.Refresh(c.login, token.Successor{
		Session: c.id(n), Generation: 1, IssuedAt: c.start.Unix(), Expires: c.expires(), ID: "bench", Now: time.Now().Unix(),
	})
	return m.Token, err
}

// chainDialogue asks for one of its sessions after the other, each with the token that came last.
type chainDialogue struct {
	*chains
	random  *rand.Rand
	tokens  []string // the newest of each of its sessions
	current int
	asked   int
}

func (d *chainDialogue) next() []byte {
	d.current = d.random.IntN(len(d.tokens))
	d.asked++
	body := `{"refresh_token":"` + d.tokens[d.current] + `","limit":10}`
	return fmt.Appendf(nil, "POST /api/v1/refresh HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

var refreshName = []byte(`,"refresh_token":"`)

func (d *chainDialogue) accept(a answer) error {
	if a.status != http.StatusOK || !bytes.HasPrefix(a.body, answerStart) {
		return fmt.Errorf("status %d: %s", a.status, a.body)
	}
	_, rest, found := bytes.Cut(a.body, refreshName)
	successor, _, ended := bytes.Cut(rest, []byte(`"`))
	if !found || !ended || string(successor) == d.tokens[d.current] {
		return fmt.Errorf("no new refresh token: %s", a.body)
	}
	if d.asked%sampleEvery == 0 {
		if err := d.follows(d.tokens[d.current], string(successor)); err != nil {
			return err
		}
	}
	d.tokens[d.current] = string(successor)
	return nil
}

// follows checks that one token is the other's successor.
func (d *chainDialogue) follows(before, after string) error {
	one, err := d.verify.Refresh(before, time.Now())
	if err != nil {
		return err
	}
	other, err := d.verify.Refresh(after, time.Now())
	if err != nil {
		return err
	}
	if other.Session != one.Session || other.Generation != one.Generation+1 {
		return errors.New("the refresh token is not the next of its session")
	}
	return nil
}

// row is a row of the store, as refreshd would have written it.
func (c *chains) row(n int) []any {
	owner := sha256.Sum256([]byte("someone@kalsel.example"))
	start, end := c.start.UnixMilli(), c.expires()*1000
	return []any{
		c.id(n), hex.EncodeToString(owner[:]), "someone@kalsel.example", start, int64(1), start, "", int64(0), start, "bench", end, end,
		end + 8*24*3600*1000,
	}
}

func rowColumns() []string {
	return []string{
		"id", "owner", "identity", "started_at", "generation", "rotated_at", "key_id", "acknowledged", "last_used_at", "user_agent",
		"expires_at", "ends_at", "kept_until",
	}
}

func (c *chains) fill(ctx context.Context, url string) error {
	s, err := store.Open(ctx, url) // makes the schema
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	if path, ok := strings.CutPrefix(url, "sqlite:"); ok {
		return c.fillSQLite(ctx, path)
	}
	return c.fillPostgres(ctx, url)
}

func (c *chains) fillPostgres(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	rows := pgx.CopyFromSlice(c.count, func(n int) ([]any, error) { return c.row(n), nil })
	if _, err = conn.CopyFrom(ctx, pgx.Identifier{"refresh_sessions"}, rowColumns(), rows); err != nil {
		return err
	}
	_, err = conn.Exec(ctx, "VACUUM ANALYZE refresh_sessions")
	return err
}

func (c *chains) fillSQLite(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	columns := strings.Join(rowColumns(), ", ")
	//nolint:gosec // the columns are written above
	insert, err := tx.PrepareContext(ctx, "INSERT INTO refresh_sessions ("+columns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
	if err != nil {
		return err
	}
	defer insert.Close()
	for n := range c.count {
		if _, err := insert.ExecContext(ctx, c.row(n)...); err != nil {
			return err
		}
	}
	return tx.Commit()
}
