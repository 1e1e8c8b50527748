package guard

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	"kalsel.dev/refresh/impl/revocation"
)

const (
	pageSize  = 10_000
	maxAnswer = 8 << 20 // bytes: more than a page has

	maxWait = 30 * time.Second // of the server

	firstPause = 50 * time.Millisecond
	lastPause  = 500 * time.Millisecond
)

// errReset means that the feed has to be read again from its start.
var errReset = errors.New("the feed has lost entries")

// position is how far the feed was read.
type position struct {
	epoch string
	after int64
	// atHead: the last answer had reached the end of the feed.
	atHead bool
}

// follow reads the feed until ctx ends. Revocations are never removed because of an answer: if the
// feed has lost entries, those in memory stay in force.
func (g *Guard) follow(ctx context.Context) {
	var at position
	pause, failing, reset := firstPause, false, false
	for ctx.Err() == nil {
		// The age counts from before the request: a revocation that is acknowledged while the request
		// is on its way may be missing in the answer.
		sent := g.c.Clock.Now()
		next, err := g.read(ctx, at)
		switch {
		case errors.Is(err, errReset):
			if !reset {
				g.c.Log.Warn("guard: the feed of revocations has lost entries and is read again")
			}
			reset, at = true, position{}
		case err != nil:
			if !failing && ctx.Err() == nil {
				failing = true
				g.c.Log.Warn("guard: the feed of revocations cannot be read", "error", err)
			}
		case failing:
			failing = false
			g.c.Log.Info("guard: the feed of revocations is read again")
		}
		if err != nil {
			g.c.sleep(ctx, pause)
			pause = min(2*pause, lastPause)
			continue
		}
		idle := at.atHead && next == at
		reset = reset && !idle // servers that disagree answer 409 and 200 in turn
		pause, at = firstPause, next
		if at.atHead {
			g.sent.Store(&sent)
		}
		if idle && g.c.Clock.Now().Mono-sent.Mono < firstPause {
			g.c.sleep(ctx, firstPause) // a server that stops does not wait
		}
	}
}

// page is an answer of the feed.
type page struct {
	Epoch       string  `json:"epoch"`
	Head        int64   `json:"head"`
	Next        int64   `json:"next"`
	Revocations []entry `json:"revocations"`
}

type entry struct {
	Sequence     int64  `json:"sequence"`
	Session      string `json:"session"`
	IdentityHash string `json:"identity_hash"`
	Before       int64  `json:"before"`
	KeptUntil    int64  `json:"kept_until"`
}

// read reads and applies one page, and returns how far it came. It returns errReset if the feed has
// lost entries.
func (g *Guard) read(ctx context.Context, at position) (position, error) {
	var wait time.Duration
	if at.atHead {
		wait = min(g.c.MaxStale/2, maxWait).Truncate(time.Second) // the server counts in seconds
	}
	limited, cancel := context.WithTimeout(ctx, wait+g.c.MaxStale/2)
	defer cancel()
	if at.atHead && wait == 0 { // MaxStale is too short for a long poll
		if !g.c.sleep(ctx, g.c.MaxStale/5) {
			return at, ctx.Err()
		}
	}
	query := url.Values{
		"after": {strconv.FormatInt(at.after, 10)},
		"limit": {strconv.Itoa(pageSize)},
		"wait":  {strconv.Itoa(int(wait / time.Second))},
	}
	if at.epoch != "" {
		query.Set("epoch", at.epoch)
	}
	body, err := g.c.get(limited, "/api/v1/revocations?"+query.Encode(), g.c.Credential, maxAnswer)
	if err != nil {
		return at, err
	}
	var p page
	if err := json.Unmarshal(body, &p); err != nil {
		return at, err
	}
	if p.Epoch == "" || at.epoch != "" && p.Epoch != at.epoch || p.Next < at.after {
		return at, errReset
	}
	for i := range p.Revocations {
		change, err := p.Revocations[i].change()
		if err != nil {
			return at, err
		}
		g.set.Apply(change)
	}
	return position{epoch: p.Epoch, after: p.Next, atHead: p.Next >= p.Head}, nil
}

// change returns the entry as the set keeps it. It fails if the entry names neither a session nor an
// identity: an entry that is skipped would be a logout that is lost.
func (e *entry) change() (revocation.Change, error) {
	c := revocation.Change{
		Sequence:  e.Sequence,
		Kind:      revocation.OfSession,
		RevokedAt: e.Before * 1000,
		KeptUntil: e.KeptUntil * 1000,
	}
	text := e.Session
	if text == "" {
		c.Kind, text = revocation.OfIdentity, e.IdentityHash
	}
	if n, err := hex.Decode(c.Key[:], []byte(text[:min(len(text), 2*len(c.Key))])); err != nil ||
		n != len(c.Key) || len(text) != 2*len(c.Key) {
		return c, errors.New("an entry of the feed has an unknown form")
	}
	return c, nil
}
