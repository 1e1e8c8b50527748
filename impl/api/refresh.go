package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/session"
)

// defaultLimit is the lifetime of an access token in minutes if a request has no limit.
const defaultLimit = 10080

// handler implements the operations of the contract.
type handler struct {
	sessions   *session.Service
	metrics    *metrics
	publicKeys func() ([]byte, error)
	answers    *sync.Pool // of *refreshed
	admin      Admin
	audit      session.Auditor
	oauth      *OAuth
	browser    *Browser
	feed       *Feed
	waiting    atomic.Int64        // requests that wait for the feed to grow
	operations map[string][]string // methods by path of the router
	// rotationOff and undated are texts of answers that name a setting.
	rotationOff string
	opsListen   string // the names of the setting of the listener for operations
	undated     string
}

var _ gen.StrictServerInterface = (*handler)(nil)

// RefreshToken implements POST /api/v1/refresh.
func (h *handler) RefreshToken(
	ctx context.Context, r gen.RefreshTokenRequestObject,
) (gen.RefreshTokenResponseObject, error) {
	minutes := int32(defaultLimit)
	if r.Body.Limit != nil {
		minutes = *r.Body.Limit
	}
	from, _ := ctx.Value(clientKey{}).(session.Client)
	life := time.Duration(minutes) * time.Minute
	grant, err := h.sessions.Refresh(ctx, r.Body.RefreshToken, life, from)
	if err != nil {
		h.metrics.notRefreshed(err)
		return nil, err
	}
	h.metrics.accepted.Inc()
	answer := h.answers.Get().(*refreshed)
	answer.Grant = grant
	return answer, nil
}

// refreshed is the 200 answer. It is reused: its buffer would be a third of the bytes that a
// refresh allocates.
type refreshed struct {
	session.Grant
	pool      *sync.Pool // to which the answer returns
	mediaType []string
	body      []byte
}

// newAnswers returns a pool of *refreshed.
func newAnswers() *sync.Pool {
	var pool sync.Pool
	pool.New = func() any {
		return &refreshed{pool: &pool, mediaType: []string{echo.MIMEApplicationJSON}}
	}
	return &pool
}

// VisitRefreshTokenResponse implements gen.RefreshTokenResponseObject. It writes without
// reflection: a token is base64url and dots, which need no escaping in JSON.
func (a *refreshed) VisitRefreshTokenResponse(w http.ResponseWriter) error {
	defer a.pool.Put(a)
	body := append(a.body[:0], `{"access_token":"`...)
	body = append(body, a.AccessToken...)
	body = append(body, `","expired":`...)
	body = strconv.AppendInt(body, a.Expires, 10)
	if a.RefreshToken != "" {
		body = append(body, `,"refresh_token":"`...)
		body = append(body, a.RefreshToken...)
		body = append(body, '"')
	}
	body = append(body, "}\n"...)
	a.Grant, a.body = session.Grant{}, body
	w.Header()[echo.HeaderContentType] = a.mediaType
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(body); err != nil {
		return errors.Join(errClientGone, err)
	}
	return nil
}
