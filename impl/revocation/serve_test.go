package revocation_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestFeed: a page is served only if the store shows the node's lease in the same read.
func TestFeed(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		n := newMachine(s).node()
		run(t, n)
		awaitLease(n)
		revokeMany(t, s, 1, 1)
		page, err := n.Feed(t.Context(), 0, 10)
		if err != nil || page.Epoch == "" || len(page.Changes) != 1 {
			t.Fatalf("%+v, %v", page, err)
		}
		for _, l := range leases(t, s) {
			if err := s.DropLease(t.Context(), l); err != nil {
				t.Fatal(err)
			}
		}
		// The node does not know yet that its lease is gone.
		if !n.Live() {
			t.Fatal("the lease is over")
		}
		if _, err := n.Feed(t.Context(), 0, 10); !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("without a lease in the store: %v, want ErrUnavailable", err)
		}
	})
}

// slow is a machine whose pages arrive late.
type slow struct {
	*machine

	wait chan struct{}
}

func (s slow) ReadFeed(
	ctx context.Context, node string, after int64, limit int,
) (revocation.FeedPage, error) {
	page, err := s.machine.ReadFeed(ctx, node, after, limit)
	<-s.wait
	return page, err
}

// TestFeedTooLate: a page is not served if the lease is over when it has arrived.
func TestFeedTooLate(t *testing.T) {
	inBubble(t, func(t *testing.T, s *store.Store) {
		m := slow{newMachine(s), make(chan struct{})}
		n := revocation.NewNode(m, &m.clock, m.logger())
		run(t, n)
		awaitLease(n)
		result := make(chan error)
		go func() {
			_, err := n.Feed(t.Context(), 0, 10)
			result <- err
		}()
		synctest.Wait()
		m.away.Store(true) // no more renewals
		time.Sleep(revocation.LeaseTerm)
		close(m.wait)
		if err := <-result; !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	})
}

// TestEpochAfterLoss: if the store has lost revocations, no page of the feed with its old epoch is
// served, also if the feed is as long as before.
func TestEpochAfterLoss(t *testing.T) {
	for name, others := range map[string]int{"shorter": 0, "as long": 1} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, s *store.Store) { epochAfterLoss(t, s, others) })
		})
	}
}

// epochAfterLoss replaces the store by one that has so many other revocations.
func epochAfterLoss(t *testing.T, s *store.Store, others int) {
	t.Helper()
	older := openStore(t, "sqlite::memory:")
	revokeMany(t, older, 10, others)
	before, err := older.ReadFeed(t.Context(), "", 0, 1)
	if err != nil {
		t.Fatal(err)
	}
	m := newMachine(s)
	n := m.node()
	run(t, n)
	awaitLease(n)
	revokeMany(t, s, 1, 1)
	for n.Status().InForce == 0 {
		time.Sleep(time.Millisecond)
	}
	m.store.Store(older)
	page, err := n.Feed(t.Context(), 0, 10)
	for ; err != nil; page, err = n.Feed(t.Context(), 0, 10) {
		time.Sleep(time.Millisecond)
	}
	if page.Epoch == before.Epoch || len(page.Changes) != 1+others {
		t.Errorf("the feed is served with the epoch %q and %d revocations", page.Epoch,
			len(page.Changes))
	}
}

func revokeMany(t *testing.T, s *store.Store, first, count int) {
	t.Helper()
	for i := range count {
		if _, err := s.Revoke(t.Context(), numbered(first+i)); err != nil {
			t.Fatal(err)
		}
	}
}
