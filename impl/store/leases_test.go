package store_test

import (
	"errors"
	"fmt"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

func TestLeases(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, ctx := open(), t.Context()
		write := func(name string, want bool, f func() (bool, error)) {
			t.Helper()
			if got, err := f(); err != nil || got != want {
				t.Errorf("%s: %v, %v, want %v", name, got, err, want)
			}
		}
		have := func(want ...revocation.Lease) {
			t.Helper()
			got, err := s.PeekLeases(ctx)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("leases: %v, %v, want %v", got, err, want)
			}
		}
		lease := func(version, acknowledged int64) revocation.Lease {
			return revocation.Lease{Node: "a", Version: version, Acknowledged: acknowledged}
		}
		write("renew without a lease", false, func() (bool, error) {
			return s.Renew(ctx, lease(1, 9), 0)
		})
		must(t, s.Join(ctx, lease(2, 5)))
		write("renew", true, func() (bool, error) { return s.Renew(ctx, lease(3, 9), 2) })
		have(lease(3, 5)) // a renewal acknowledges nothing
		write("renew after an error", true, func() (bool, error) {
			return s.Renew(ctx, lease(4, 5), 2)
		})
		have(lease(4, 5))
		write("renew in an older copy", false, func() (bool, error) {
			return s.Renew(ctx, lease(8, 6), 7)
		})
		must(t, s.DropLease(ctx, lease(3, 0)))
		have(lease(4, 5)) // it was renewed since
		must(t, s.Join(ctx, lease(9, 2)))
		have(lease(9, 2))
		must(t, s.DropLease(ctx, lease(9, 0)))
		have()
		must(t, s.Join(ctx, lease(1, 0)))
		must(t, s.Leave(ctx, "b"))
		have(lease(1, 0))
		must(t, s.Leave(ctx, "a"))
		have()
	})
}

// TestLeasesShowTheRevocation: a list of leases that does not show the revocation is no list.
func TestLeasesShowTheRevocation(t *testing.T) {
	eachEngine(t, func(t *testing.T, open func() *store.Store) {
		s, other := open(), open()
		must(t, s.Join(t.Context(), revocation.Lease{Node: "a", Version: 1}))
		r := revoke(t, s, ended(1))
		if got, err := other.Leases(t.Context(), r); err != nil || len(got) != 1 {
			t.Errorf("got %v, %v", got, err)
		}
		r.Sequence++
		if got, err := other.Leases(t.Context(), r); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("a later one: %v, %v", got, err)
		}
		if got, err := other.Leases(t.Context(),
			ended(2)); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("another: %v, %v", got, err)
		}
	})
}
