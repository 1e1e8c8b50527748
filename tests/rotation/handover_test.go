//go:build linux

package rotation

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/jwk"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
	"kalsel.dev/refresh/impl/token"
)

// issuerName is the iss of all tokens here, so that the keys of an issuer verify them too.
const issuerName = "https://login.example"

// handover is a service whose signing key stops signing.
type handover struct {
	*session.Service
	keys      keyring
	now       time.Time
	old, next *jwk.Key
}

func newHandover(t *testing.T, db *store.Store) *handover {
	t.Helper()
	h := &handover{
		now:  time.Now().Truncate(time.Second),
		old:  newKey(t, "EdDSA", "old"),
		next: newKey(t, "EdDSA", "next"),
	}
	h.keys.Store(newSet(t, h.old))
	h.on(db)
	return h
}

// on lets the service use another store.
func (h *handover) on(db *store.Store) {
	h.Service = session.New(session.Config{
		Keys:     &h.keys,
		Rules:    token.Rules{Issuer: issuerName, MaxLifetime: 365 * 24 * time.Hour},
		Store:    db,
		Log:      slog.New(slog.DiscardHandler),
		Now:      func() time.Time { return h.now },
		Rotation: &session.Rotation{Window: time.Minute},
	})
}

// generations refreshes n times, each after the window, and returns the tokens of all generations.
func (h *handover) generations(t *testing.T, n int) []string {
	t.Helper()
	raw, err := token.NewMinter(&h.keys, token.Rules{}).Issue(fmt.Appendf(
		nil,
		`{"identity":"ann","iss":%q,"jti":"1","exp":%d}`,
		issuerName,
		h.now.Add(30*24*time.Hour).Unix(),
	), h.now)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{raw}
	for range n {
		g, err := h.redeem(t, all[len(all)-1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, g.RefreshToken)
		h.now = h.now.Add(time.Hour)
	}
	return all
}

func (h *handover) redeem(t *testing.T, raw string) (session.Grant, error) {
	t.Helper()
	return h.Refresh(t.Context(), raw, time.Hour, session.Client{})
}

// handovers are the ways in which a key stops to sign and goes on to verify.
func handovers(t *testing.T, h *handover) map[string]*jwk.Set {
	t.Helper()
	public, err := jwk.NewKey(jwk.Spec{ID: "old", Algorithm: "EdDSA", Material: h.old.Public()})
	if err != nil {
		t.Fatal(err)
	}
	published, err := newSet(t, h.next).WithIssuer(public)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]*jwk.Set{
		"without its private half": newSet(t, h.next, public),
		"as an issuer's key":       published,
	}
}

// TestHandover: that a key signs no more changes nothing for the sessions that it signed for: a
// revoked one stays revoked, and a token that is reused is found out.
func TestHandover(t *testing.T) {
	for _, way := range []string{"without its private half", "as an issuer's key"} {
		t.Run(way, func(t *testing.T) {
			h := newHandover(t, openMemory(t))
			tokens := h.generations(t, 3)
			sets := handovers(t, h)
			h.keys.Store(sets[way])
			if err := h.Logout(t.Context(), tokens[3]); err != nil {
				t.Fatal(err)
			}
			for n, raw := range tokens {
				if _, err := h.redeem(t, raw); !errors.Is(err, session.ErrRevoked) {
					t.Errorf("generation %d of a revoked session: %v", n, err)
				}
			}

			h = newHandover(t, openMemory(t))
			tokens = h.generations(t, 3)
			h.keys.Store(handovers(t, h)[way])
			if _, err := h.redeem(t, tokens[3]); err != nil {
				t.Errorf("the newest token: %v", err)
			}
			if _, err := h.redeem(t, tokens[1]); !errors.Is(err, session.ErrReused) {
				t.Errorf("a token that was used long ago: %v", err)
			}
		})
	}
}

// TestHandoverAndRestore: a token that is ahead of its session moves the session on only if its key
// signs here, or has signed here.
func TestHandoverAndRestore(t *testing.T) {
	for way, want := range map[string]error{
		"without its private half": nil,
		"as an issuer's key":       session.ErrAhead,
	} {
		t.Run(way, func(t *testing.T) {
			h := newHandover(t, openMemory(t))
			newest := h.generations(t, 3)[3]
			h.keys.Store(handovers(t, h)[way])
			h.on(openMemory(t)) // it knows nothing of the session, and nothing of the key
			if _, err := h.redeem(t, newest); !errors.Is(err, want) {
				t.Errorf("got %v, want %v", err, want)
			}
			knows := openMemory(t)
			if err := knows.NoteSigningKey(t.Context(), h.old.Thumbprint()); err != nil {
				t.Fatal(err)
			}
			h.on(knows)
			if _, err := h.redeem(t, newest); err != nil {
				t.Errorf("a store that knows the key: %v", err)
			}
		})
	}
}
