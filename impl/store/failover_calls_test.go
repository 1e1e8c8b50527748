package store_test

import (
	"context"
	"testing"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/store"
)

// call is one call of the store whose answer is relied on.
type call struct {
	method string
	do     func(ctx context.Context, s *store.Store) error
}

// reliedOn returns every call whose answer is relied on, after prepare. Each of them changes something
// or reads.
func reliedOn() []call {
	lease := revocation.Lease{Node: "a", Version: 1}
	ignore := func(revocation.Change) {}
	longer, second := ended(1), row(1, "who")
	longer.KeptUntil++
	second.Generation++
	return []call{
		{"Load", func(ctx context.Context, s *store.Store) error {
			_, err := s.Load(ctx, 0, 10, ignore)
			return err
		}},
		{"Join", func(ctx context.Context, s *store.Store) error {
			return s.Join(ctx, revocation.Lease{Node: "b", Version: 1})
		}},
		{"Renew", func(ctx context.Context, s *store.Store) error {
			_, err := s.Renew(ctx, revocation.Lease{Node: "a", Version: 2}, 1)
			return err
		}},
		{"Follow", func(ctx context.Context, s *store.Store) error {
			_, err := s.Follow(ctx, lease, 9, 0, 10, ignore)
			return err
		}},
		{"ReadFeed", func(ctx context.Context, s *store.Store) error {
			_, err := s.ReadFeed(ctx, "a", 0, 10)
			return err
		}},
		{"NewEpoch", func(ctx context.Context, s *store.Store) error { return s.NewEpoch(ctx) }},
		{"SameStore", func(ctx context.Context, s *store.Store) error { return s.SameStore(ctx) }},
		{"WriteBack", func(ctx context.Context, s *store.Store) error {
			known := revocation.Change{
				Kind:      revocation.OfSession,
				Key:       idOf(1),
				RevokedAt: 1,
				KeptUntil: 2,
			}
			_, err := s.WriteBack(ctx, []revocation.Change{known})
			return err
		}},
		{"Lookup", func(ctx context.Context, s *store.Store) error {
			_, err := s.Lookup(ctx, idOf(1), "who")
			return err
		}},
		{"Leases", func(ctx context.Context, s *store.Store) error {
			_, err := s.Leases(ctx, ended(1))
			return err
		}},
		revokes(ended(2)),
		revokes(ended(1)),
		revokes(longer),
		revokes(cutoff("who", 1000)),
		{"List", func(ctx context.Context, s *store.Store) error {
			_, err := s.List(ctx, 10, 0, 10)
			return err
		}},
		{"RevocationsOf", func(ctx context.Context, s *store.Store) error {
			_, _, err := s.RevocationsOf(ctx, idOf(1), "who")
			return err
		}},
		{"Session", func(ctx context.Context, s *store.Store) error {
			_, err := s.Session(ctx, idOf(1))
			return err
		}},
		{"SessionsOf", func(ctx context.Context, s *store.Store) error {
			_, err := s.SessionsOf(ctx, "who", 0, 10)
			return err
		}},
		{"Adopt", func(ctx context.Context, s *store.Store) error {
			_, err := s.Adopt(ctx, row(2, "who"))
			return err
		}},
		{"Advance", func(ctx context.Context, s *store.Store) error {
			loose := session.Precondition{RotatedUntil: 1e6, EndsUntil: 1e6}
			_, err := s.Advance(ctx, second, loose)
			return err
		}},
		{"Replace", func(ctx context.Context, s *store.Store) error {
			_, err := s.Replace(ctx, row(3, "who"), row(3, "who"))
			return err
		}},
		{"NoteSigningKey", func(ctx context.Context, s *store.Store) error {
			return s.NoteSigningKey(ctx, "known")
		}},
		{"NoteSigningKey", func(ctx context.Context, s *store.Store) error {
			return s.NoteSigningKey(ctx, "new")
		}},
		{"NoteServer", func(ctx context.Context, s *store.Store) error {
			return s.NoteServer(ctx, 0, false)
		}},
		{"CleanUpTime", func(ctx context.Context, s *store.Store) error {
			_, err := s.CleanUpTime(ctx, 1)
			return err
		}},
		{"HasSigned", func(ctx context.Context, s *store.Store) error {
			_, err := s.HasSigned(ctx, "known")
			return err
		}},
	}
}

func revokes(r revocation.Revocation) call {
	return call{"Revoke", func(ctx context.Context, s *store.Store) error {
		_, err := s.Revoke(ctx, r)
		return err
	}}
}

// prepare writes the rows that the calls find.
func prepare(t *testing.T, s *store.Store) {
	t.Helper()
	must(t, s.Join(t.Context(), revocation.Lease{Node: "a", Version: 1}))
	revoke(t, s, ended(1))
	revoke(t, s, cutoff("who", 1000))
	adopt(t, s, row(1, "who"))
	adopt(t, s, row(3, "who"))
	must(t, s.NoteSigningKey(t.Context(), "known"))
}
