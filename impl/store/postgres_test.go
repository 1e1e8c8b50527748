package store_test

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestSynchronousCommit: settings under which an acknowledged commit could be lost are refused at
// start.
func TestSynchronousCommit(t *testing.T) {
	for value, ok := range map[string]bool{
		"on": true, "remote_apply": true, "remote_write": true, "off": false, "local": false,
	} {
		s, err := store.Open(t.Context(), shared.Postgres(t).NewDatabase(t)+"&synchronous_commit="+value)
		if ok {
			if err != nil {
				t.Errorf("%s: %v", value, err)
				continue
			}
			must(t, s.Close())
			continue
		}
		bad, found := errors.AsType[store.BadURL](err)
		if !found || !strings.Contains(bad.Error(), "synchronous_commit is "+value) ||
			strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestIsolation: whatever isolation level is the default of the database, changes at one time do
// not fail.
func TestIsolation(t *testing.T) {
	for _, level := range []string{"repeatable read", "serializable"} {
		t.Run(level, func(t *testing.T) {
			postgres := shared.Postgres(t)
			url := postgres.NewDatabase(t)
			name := url[strings.LastIndex(url, "/")+1 : strings.LastIndex(url, "?")]
			must(t, postgres.Exec("ALTER DATABASE "+name+" SET default_transaction_isolation = '"+level+"'"))
			s := open(t, url)
			var all sync.WaitGroup
			for worker := range 16 {
				all.Go(func() {
					for n := range 10 {
						r := ended(100*worker + n)
						if _, err := s.Revoke(t.Context(), r); err != nil {
							t.Errorf("Revoke: %v", err)
						}
						if _, err := s.Leases(t.Context(), revocation.Revocation{Kind: r.Kind, Session: r.Session}); err != nil {
							t.Errorf("Leases: %v", err)
						}
					}
				})
			}
			all.Wait()
		})
	}
}
