package store_test

import (
	"fmt"
	"math"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

func TestLoad(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		if got, page := changes(t, s, 0, 10); len(got) != 0 || page != (revocation.Page{}) {
			t.Errorf("empty feed: %v %+v", got, page)
		}
		revoke(t, s, ended(1))
		revoke(t, s, cutoff("a", 1000))
		revoke(t, s, ended(2))
		revoke(t, s, cutoff("a", 2000)) // 2 becomes 4

		got, page := changes(t, s, 0, 2)
		if page != (revocation.Page{Applied: 3, Head: 4}) {
			t.Errorf("first page: %+v", page)
		}
		rest, page := changes(t, s, page.Applied, 2)
		if page != (revocation.Page{Applied: 4, Head: 4}) {
			t.Errorf("second page: %+v", page)
		}
		a := cutoff("a", 0)
		want := []revocation.Change{
			{
				Sequence:  1,
				Kind:      revocation.OfSession,
				Key:       idOf(1),
				RevokedAt: 1000,
				KeptUntil: 5000,
			},
			{
				Sequence:  3,
				Kind:      revocation.OfSession,
				Key:       idOf(2),
				RevokedAt: 1000,
				KeptUntil: 5000,
			},
			{
				Sequence:  4,
				Kind:      revocation.OfIdentity,
				Key:       a.Key(),
				RevokedAt: 2000,
				KeptUntil: revocation.Forever,
			},
		}
		if all := append(got, rest...); fmt.Sprint(all) != fmt.Sprint(want) {
			t.Errorf("got  %v\nwant %v", all, want)
		}
	})
}

func TestLookup(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		revoke(t, s, ended(1))
		revoke(t, s, cutoff("a", 2999))
		for _, c := range []struct {
			name     string
			id       revocation.SessionID
			identity string
			want     revocation.State
		}{
			{"neither", idOf(2), "b", revocation.State{}},
			{"session", idOf(1), "b", revocation.State{Revoked: true}},
			{"identity", idOf(2), "a", revocation.State{Cutoff: 2, HasCutoff: true}},
			{"both", idOf(1), "a", revocation.State{Revoked: true, Cutoff: 2, HasCutoff: true}},
			{"no session", revocation.SessionID{}, "a",
				revocation.State{Cutoff: 2, HasCutoff: true}},
		} {
			t.Run(c.name, func(t *testing.T) {
				got, err := s.Lookup(t.Context(), c.id, c.identity)
				if err != nil || got != c.want {
					t.Errorf("got %+v, %v, want %+v", got, err, c.want)
				}
			})
		}
	})
}

// TestIdentities: an identity is any UTF-8 text without NUL. If it could not be stored, it could
// not be revoked.
func TestIdentities(t *testing.T) {
	long := make([]byte, 12_000)
	for i := range long {
		long[i] = byte('a' + i*i%26)
	}
	names := []string{
		"whois.muchlis@gmail.com", `a\x00b`, `\`, `\\`, `a\`, `DOMAIN\user`, "\uFFFD", "日本語 🙂",
		"a'b\"c", "$1", "%_", "",
		" a", "a ", "A", "é", "e\u0301", string(long),
	}
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		for _, name := range names {
			r := cutoff(name, 1000)
			r.Reason = name
			revoke(t, s, r)
		}
		got := list(t, s, math.MaxInt64, 100)
		if len(got) != len(names) {
			t.Fatalf("%d identities were stored as %d", len(names), len(got))
		}
		for i, r := range got {
			want := names[len(names)-1-i]
			if r.Identity != want || r.Reason != want {
				t.Errorf("stored %q as %q with reason %q", want, r.Identity, r.Reason)
			}
		}
		for _, name := range names {
			if st, err := s.Lookup(t.Context(), idOf(1), name); err != nil || !st.HasCutoff {
				t.Errorf("%q: %+v, %v", name, st, err)
			}
		}
	})
}
