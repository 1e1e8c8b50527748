package revocation

import (
	"context"
	"fmt"
	"sync"
)

// feedServer is the part of the store that a node needs in order to serve the feed to other
// programs.
type feedServer interface {
	// ReadFeed returns up to limit changes after a sequence. It reads every change that was
	// acknowledged before the call, and the lease of the node in the same read.
	ReadFeed(ctx context.Context, node string, after int64, limit int) (FeedPage, error)
	// NewEpoch replaces the epoch of the feed.
	NewEpoch(ctx context.Context) error
}

// FeedPage is a part of the feed.
type FeedPage struct {
	Page
	// Epoch is a random text. Sequences of different epochs must not be compared.
	Epoch   string
	Lease   int64 // version of the node's lease in the store; 0 if it has none
	Changes []Change
}

// Feed returns up to limit changes after a sequence. The page has every revocation whose Revoke
// returned before the call, unless there are more than limit. It returns ErrUnavailable if that is
// not certain: if the node has no live lease, or if the store does not show its lease.
func (n *Node) Feed(ctx context.Context, after int64, limit int) (FeedPage, error) {
	confirmed, applied := n.confirmed.Load(), n.applied.Load()
	page, err := n.store.ReadFeed(ctx, n.id, after, limit)
	if err != nil {
		return page, err
	}
	// A store that has lost entries has lost a lease or an acknowledgement too. The node notices that
	// and replaces the epoch before it takes its next lease.
	if page.Lease < confirmed || page.Head < applied || !n.live() {
		return FeedPage{}, fmt.Errorf("%w: the node has no lease", ErrUnavailable)
	}
	return page, nil
}

// Grown returns a channel that is closed when the node has read changes after this call.
func (n *Node) Grown() <-chan struct{} { return n.grown.wait() }

// Live reports whether the node has a live lease.
func (n *Node) Live() bool { return n.live() }

// replaceEpoch replaces the epoch of the feed if the feed has lost entries. The node calls it before
// it takes a lease, so before it serves the feed again.
func (n *Node) replaceEpoch(ctx context.Context) error {
	if !n.regressed {
		return nil
	}
	if err := n.store.NewEpoch(ctx); err != nil {
		return err
	}
	n.regressed = false
	return nil
}

// signal wakes any number of waiting goroutines. The zero value is ready.
type signal struct {
	mu sync.Mutex
	c  chan struct{}
}

func (s *signal) wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c == nil {
		s.c = make(chan struct{})
	}
	return s.c
}

func (s *signal) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.c != nil {
		close(s.c)
		s.c = nil
	}
}
