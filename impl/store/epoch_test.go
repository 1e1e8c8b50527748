package store_test

import (
	"testing"

	"kalsel.dev/refresh/impl/store"
)

// TestEpoch: the feed keeps its epoch when the store is opened again, and has another one after a
// restore.
func TestEpoch(t *testing.T) {
	f := newFile(t)
	epoch := func() (epoch string) {
		f.with(t, func(s *store.Store) {
			page, err := s.ReadFeed(t.Context(), "", 0, 1)
			must(t, err)
			epoch = page.Epoch
		})
		return epoch
	}
	first := epoch()
	if again := epoch(); first == "" || again != first {
		t.Errorf("the epoch %q becomes %q without a restore", first, again)
	}
	must(t, store.Backup(t.Context(), f.path, f.backup))
	_, err := f.restore(t, false)
	must(t, err)
	if restored := epoch(); restored == "" || restored == first {
		t.Errorf("the epoch %q is %q after a restore", first, restored)
	}
}
