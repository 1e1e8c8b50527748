package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/store"
)

// TestGroupShares: changes that wait while another is committed share one commit, and each is there
// when its caller is answered.
func TestGroupShares(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	release := s.Occupy(t)
	before := s.Commits()
	var group sync.WaitGroup
	for n := range 50 {
		group.Go(func() {
			adopt(t, s, row(n, "a"))
			stored(t, s, row(n, "a"))
		})
	}
	s.AwaitQueue(t, 50)
	release()
	group.Wait()
	if got := s.Commits() - before; got > 3 {
		t.Errorf("%d commits for 50 changes that waited together", got)
	}
}

// TestGroupFailure: a change that fails takes none of those with it that share its commit.
func TestGroupFailure(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	release := s.Occupy(t)
	var group sync.WaitGroup
	for n := range 30 {
		group.Go(func() {
			switch n % 3 {
			case 0:
				adopt(t, s, row(n, "a"))
			case 1:
				if err := s.Fail(t.Context()); err == nil ||
					errors.Is(err, revocation.ErrUnavailable) {
					t.Errorf("a wrong statement: %v", err)
				}
			case 2:
				if err := s.FailHalfway(t.Context(), ended(n)); err == nil {
					t.Error("no error")
				}
			}
		})
	}
	s.AwaitQueue(t, 30)
	release()
	group.Wait()
	for n := 0; n < 30; n += 3 {
		stored(t, s, row(n, "a"))
	}
	if n := walk(t, s); n != 0 {
		t.Errorf("%d changes are there that failed half-way", n)
	}
}

// TestGroupGivenUp: a caller that gives up while waiting returns at once, and its change is never
// made. The changes behind it are.
func TestGroupGivenUp(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	release := s.Occupy(t)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() {
		_, err := s.Adopt(ctx, row(1, "a"))
		gone <- err
	}()
	s.AwaitQueue(t, 1)
	behind := make(chan error)
	go func() {
		_, err := s.Adopt(t.Context(), row(2, "a"))
		behind <- err
	}()
	s.AwaitQueue(t, 2)
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	release()
	must(t, <-behind)
	if got, err := s.Session(t.Context(), idOf(1)); got != nil || err != nil {
		t.Errorf("the change was made all the same: %v, %v", got, err)
	}
}

// TestGroupFull: if too many changes wait, the next is rejected with a retry, and none is lost.
func TestGroupFull(t *testing.T) {
	s := open(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	release := s.Occupy(t)
	var group sync.WaitGroup
	for n := range store.GroupQueue {
		group.Go(func() { adopt(t, s, row(n, "a")) })
	}
	s.AwaitQueue(t, store.GroupQueue)
	if _, err := s.Adopt(t.Context(),
		row(store.GroupQueue, "a")); !errors.Is(err, revocation.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	release()
	group.Wait()
	for n := range store.GroupQueue {
		stored(t, s, row(n, "a"))
	}
}

// TestGroupClose: a caller that waits when the store is closed is answered.
func TestGroupClose(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "refresh.db"))
	must(t, err)
	release := s.Occupy(t)
	answered := make(chan error)
	for n := range 10 {
		go func() {
			_, err := s.Adopt(t.Context(), row(n, "a"))
			answered <- err
		}()
	}
	s.AwaitQueue(t, 10)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	release()
	for range 10 {
		if err := <-answered; err != nil && !errors.Is(err, revocation.ErrUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	must(t, <-closed)
}

// The log of a file is copied into it beside the writer, long before it is so long that the writer
// has to.
func TestCheckpointBesideTheWriter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "refresh.db")
	s := open(t, "sqlite:"+path)
	empty, err := os.Stat(path)
	must(t, err)
	for n := range store.CheckpointEvery {
		adopt(t, s, row(n, "someone@example.com"))
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		file, err := os.Stat(path)
		must(t, err)
		if file.Size() > empty.Size()+store.CheckpointEvery*100 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the file still has %d bytes, as many as when it was empty: %d", file.Size(),
				empty.Size())
		}
	}
	log, err := os.Stat(path + "-wal")
	must(t, err)
	if log.Size() >= 64<<20 {
		t.Errorf("the log has %d bytes: the writer may have copied it", log.Size())
	}
}
