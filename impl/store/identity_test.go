package store_test

import (
	"crypto/rand"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestIdentity: only the process that makes a store says that it is new.
func TestIdentity(t *testing.T) {
	eachShared(t, func(t *testing.T, url string) {
		first, second := open(t, url), open(t, url)
		if !first.IsNew() || second.IsNew() {
			t.Errorf("new: %v and then %v, want true and false", first.IsNew(), second.IsNew())
		}
		must(t, first.SameStore(t.Context()))
		must(t, second.SameStore(t.Context()))
	})
}

// TestUpgradedStore: a store that was used before stores had an identity is not new.
func TestUpgradedStore(t *testing.T) {
	eachShared(t, func(t *testing.T, url string) {
		revoke(t, open(t, url), ended(1))
		exec1(t, url, "UPDATE refresh_store SET identity = ''")
		if open(t, url).IsNew() {
			t.Error("a store with a revocation is taken for a new one")
		}
	})
}

// TestFileReplaced: the file is deleted, and later another one has its place. No call succeeds, a
// revocation in particular, until the file is back.
func TestFileReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refresh.db")
	s := open(t, "sqlite:"+path)
	revoke(t, s, ended(1))
	must(t, os.Rename(path, path+".moved"))
	if _, err := s.Revoke(t.Context(), ended(2)); !errors.Is(err, revocation.ErrOtherStore) {
		t.Errorf("Revoke: %v", err)
	}
	wantsOther(t, s)
	must(t, os.WriteFile(path, nil, 0o600))
	wantsOther(t, s)
	must(t, os.Rename(path+".moved", path))
	must(t, s.SameStore(t.Context()))
	revoke(t, s, ended(3))
}

// wantsOther fails unless calls find that the store is another one.
func wantsOther(t *testing.T, s *store.Store) {
	t.Helper()
	for !errors.Is(s.SameStore(t.Context()),
		revocation.ErrOtherStore) { // the test's own limit ends it
		time.Sleep(10 * time.Millisecond)
	}
	for _, c := range reliedOn() {
		err := c.do(t.Context(), s)
		if !errors.Is(err, revocation.ErrOtherStore) || !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("%s: %v", c.method, err)
		}
	}
}

// TestOtherSchema: from now on new connections lead to another schema: to none, and to the one of
// another store.
func TestOtherSchema(t *testing.T) {
	for _, name := range []string{"empty", "other"} {
		t.Run(name, func(t *testing.T) {
			postgres := shared.Postgres(t)
			url := postgres.NewDatabase(t)
			role := name + strings.ToLower(rand.Text())
			exec1(t, url, "CREATE ROLE "+role+" LOGIN SUPERUSER")
			exec1(t, url, "CREATE SCHEMA elsewhere")
			exec1(t, url, "CREATE SCHEMA own")
			exec1(t, url, "ALTER ROLE "+role+" SET search_path = own")
			mine := userOf(url, role)
			s := open(t, mine)
			revoke(t, s, ended(1))
			exec1(t, url, "ALTER ROLE "+role+" SET search_path = elsewhere")
			if name == "other" {
				revoke(t, open(t, mine), ended(7))
			}
			// As after an hour, when the connections have reached their age.
			exec1(t, url,
				"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+role+"'")
			wantsOther(t, s)
			exec1(t, url, "ALTER ROLE "+role+" SET search_path = own")
			for s.SameStore(t.Context()) != nil { // the test's own limit ends it
				time.Sleep(10 * time.Millisecond)
			}
			revoke(t, s, ended(2))
			if n := len(list(t, s, math.MaxInt64, 10)); n != 2 {
				t.Errorf("the store has %d revocations, 2 were acknowledged", n)
			}
		})
	}
}

// TestWriteBack: changes that the store lacks are added once, and change nothing that is there.
func TestWriteBack(t *testing.T) {
	eachShared(t, func(t *testing.T, url string) {
		s := open(t, url)
		have := revoke(t, s, ended(1))
		changes := []revocation.Change{
			{Kind: revocation.OfSession, Key: idOf(1), RevokedAt: 5, KeptUntil: have.KeptUntil - 1},
			{Kind: revocation.OfSession, Key: idOf(2), RevokedAt: 5, KeptUntil: revocation.Forever},
			{
				Kind:      revocation.OfIdentity,
				Key:       revocation.HashOfIdentity("ana"),
				RevokedAt: 7000,
				KeptUntil: revocation.Forever,
			},
		}
		for _, want := range []int{2, 0} {
			if added, err := s.WriteBack(t.Context(), changes); err != nil || added != want {
				t.Errorf("%d were added, want %d: %v", added, want, err)
			}
		}
		var read []revocation.Change
		page, err := s.Load(t.Context(), 0, 10, func(c revocation.Change) {
			read = append(read, c)
		})
		if err != nil || page.Head != 3 || len(read) != 3 || read[0].KeptUntil != have.KeptUntil {
			t.Errorf("the feed is %+v, %+v, %v", page, read, err)
		}
		state, err := s.Lookup(t.Context(), idOf(2), "ana")
		if err != nil || state != (revocation.State{Revoked: true, HasCutoff: true, Cutoff: 7}) {
			t.Errorf("%+v, %v", state, err)
		}
	})
}

// userOf returns the URL for another user.
func userOf(url, name string) string { return strings.Replace(url, "postgres@", name+"@", 1) }
