package session

import (
	"context"

	"kalsel.dev/refresh/impl/revocation"
)

// Feed returns up to limit changes after a sequence, as revocation.Node.Feed does.
func (s *Service) Feed(
	ctx context.Context, after int64, limit int,
) (revocation.FeedPage, error) {
	if err := s.clocks.Err(); err != nil {
		return revocation.FeedPage{}, err
	}
	return s.node.Feed(ctx, after, limit)
}

// FeedGrown returns a channel that is closed when the feed has grown after this call.
func (s *Service) FeedGrown() <-chan struct{} { return s.node.Grown() }

// FeedLive reports whether a page of the feed that was read before may be served still.
func (s *Service) FeedLive() bool { return s.node.Live() }
