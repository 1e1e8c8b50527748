package api

import (
	"context"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/credential"
	"kalsel.dev/refresh/impl/problem"
	"kalsel.dev/refresh/impl/revocation"
)

const (
	defaultFeedPage = 1000
	maxFeedPage     = 10_000
	maxFeedWait     = 30 // seconds
	// maxWaiting is how many requests may wait for the feed to grow.
	maxWaiting = 1024
	// lastSecond, the end of the year 9999, stands for entries that are kept for ever.
	lastSecond = 253402300799
)

// Feed holds the settings of the feed of revocations.
type Feed struct {
	// Credentials are those of the programs that may read the feed; nil switches it off.
	Credentials *credential.File
	// Off says why the feed is off, if it is.
	Off string
	// Stopping is closed when the server stops; nil never is.
	Stopping <-chan struct{}
}

// middlewares returns the checks of a request for the feed.
func (f *Feed) middlewares() []echo.MiddlewareFunc {
	if f.Credentials == nil {
		return switchedOff(f.Off)
	}
	return []echo.MiddlewareFunc{
		withCredential(f.Credentials, credential.Feed, problem.NoCredential),
		func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c echo.Context) error {
				// A request that waits for an entry must not count as in flight.
				w, _ := c.Response().Writer.(interface{ LeaveInFlight() })
				r := c.Request()
				c.SetRequest(r.WithContext(context.WithValue(r.Context(), placeKey{}, w)))
				return next(c)
			}
		},
	}
}

// placeKey is the key of the request's place in flight in its context.
type placeKey struct{}

// ReadFeed implements GET /api/v1/revocations.
func (h *handler) ReadFeed(
	ctx context.Context, r gen.ReadFeedRequestObject,
) (gen.ReadFeedResponseObject, error) {
	q, err := feedQueryOf(r.Params)
	if err != nil {
		return nil, err
	}
	grown := h.sessions.FeedGrown() // before the read, so that no entry slips through
	page, err := h.feedPage(ctx, q)
	if err != nil {
		return nil, err
	}
	if q.wait == 0 || len(page.Changes) > 0 || page.Applied > q.after {
		return page, nil
	}
	again, err := h.awaitGrowth(ctx, grown, q.wait)
	if again {
		page, err = h.feedPage(ctx, q)
	}
	switch {
	case err != nil:
		return nil, err
	case !again && !h.sessions.FeedLive():
		return nil, revocation.ErrUnavailable
	}
	return page, nil
}

// awaitGrowth waits until the feed has grown, and returns true, or until wait is over or the server
// stops.
func (h *handler) awaitGrowth(
	ctx context.Context, grown <-chan struct{}, wait time.Duration,
) (bool, error) {
	if h.waiting.Add(1) > maxWaiting {
		h.waiting.Add(-1)
		return false, problem.New(http.StatusServiceUnavailable,
			"too many requests wait for the feed")
	}
	defer h.waiting.Add(-1)
	if place, _ := ctx.Value(placeKey{}).(interface{ LeaveInFlight() }); place != nil {
		place.LeaveInFlight()
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-grown:
		return true, nil
	case <-timer.C:
	case <-h.feed.Stopping:
	}
	return false, nil
}

// feedQuery is the parameters of a request for the feed.
type feedQuery struct {
	after int64
	limit int
	wait  time.Duration
	epoch string
}

func feedQueryOf(p gen.ReadFeedParams) (feedQuery, error) {
	q := feedQuery{limit: defaultFeedPage}
	var causes []string
	if p.After != nil {
		if q.after = *p.After; q.after < 0 {
			causes = append(causes, "after: must be at least 0")
		}
	}
	if p.Limit != nil {
		if q.limit = int(*p.Limit); q.limit < 1 || q.limit > maxFeedPage {
			causes = append(causes, "limit: must be from 1 to 10000")
		}
	}
	if p.Wait != nil {
		q.wait = time.Duration(*p.Wait) * time.Second
		if *p.Wait < 0 || *p.Wait > maxFeedWait {
			causes = append(causes, "wait: must be from 0 to 30")
		}
	}
	if p.Epoch != nil {
		if q.epoch = *p.Epoch; q.epoch == "" {
			causes = append(causes, "epoch: must not be empty")
		}
	}
	if causes != nil {
		return q, badRequest(causes...)
	}
	return q, nil
}

// feedPage reads a page. It returns a 409 if the caller follows a feed that has lost entries.
func (h *handler) feedPage(ctx context.Context, q feedQuery) (feedPage, error) {
	page, err := h.sessions.Feed(ctx, q.after, q.limit)
	switch {
	case err != nil:
		return feedPage{}, err
	case q.epoch != "" && q.epoch != page.Epoch:
		return feedPage{}, problem.FeedReset("epoch: is not that of the feed: " +
			"read it again with after=0 and without epoch")
	case page.Head < q.after:
		return feedPage{}, problem.FeedReset("after: is beyond the end of the feed: " +
			"read it again with after=0 and without epoch")
	}
	return feedPage{page, h.admin.Now().Unix()}, nil
}

// feedPage is the answer. It is written without reflection, because a feed may have a million
// entries.
type feedPage struct {
	revocation.FeedPage
	now int64
}

// VisitReadFeedResponse implements gen.ReadFeedResponseObject.
func (p feedPage) VisitReadFeedResponse(w http.ResponseWriter) error {
	body := make([]byte, 0, 128+160*len(p.Changes))
	body = append(append(body, `{"epoch":"`...), p.Epoch...)
	body = strconv.AppendInt(append(body, `","head":`...), max(p.Head, p.Applied), 10)
	body = strconv.AppendInt(append(body, `,"next":`...), p.Applied, 10)
	body = strconv.AppendInt(append(body, `,"now":`...), p.now, 10)
	body = append(body, `,"revocations":[`...)
	for i := range p.Changes {
		if i > 0 {
			body = append(body, ',')
		}
		body = appendEntry(body, &p.Changes[i])
	}
	body = append(body, "]}\n"...)
	w.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(body); err != nil {
		return errors.Join(errClientGone, err)
	}
	return nil
}

func appendEntry(body []byte, c *revocation.Change) []byte {
	body = strconv.AppendInt(append(body, `{"sequence":`...), c.Sequence, 10)
	if c.Kind == revocation.OfIdentity {
		body = hex.AppendEncode(append(body, `,"identity_hash":"`...), c.Key[:])
		body = strconv.AppendInt(append(body, `","before":`...), c.RevokedAt/1000, 10)
	} else {
		body = hex.AppendEncode(append(body, `,"session":"`...), c.Key[:])
		body = append(body, '"')
	}
	body = append(body, `,"kept_until":`...)
	return append(strconv.AppendInt(body, min(c.KeptUntil/1000+1, lastSecond), 10), '}')
}
