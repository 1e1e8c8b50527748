package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/session"
)

// handler implements the operations of the contract.
type handler struct {
	sessions   *session.Service
	metrics    *metrics
	publicKeys func() ([]byte, error)
	shared     shared
}

var _ gen.StrictServerInterface = (*handler)(nil)

// RefreshToken implements POST /api/v1/refresh.
func (h *handler) RefreshToken(ctx context.Context, r gen.RefreshTokenRequestObject) (gen.RefreshTokenResponseObject, error) {
	minutes := gen.RefreshRequestLimitDefault
	if r.Body.Limit != nil {
		minutes = *r.Body.Limit
	}
	grant, err := h.sessions.Refresh(ctx, r.Body.RefreshToken, time.Duration(minutes)*time.Minute, clientOf(ctx))
	h.metrics.refreshed(err)
	if err != nil {
		return nil, err
	}
	return refreshed{grant, &h.shared}, nil
}

// shared is what the answers of 200 have in common.
type shared struct {
	mediaType []string
	bodies    sync.Pool // of *[]byte; without it a body would be a third of the bytes that a refresh allocates
}

func newShared() shared {
	return shared{mediaType: []string{echo.MIMEApplicationJSON}, bodies: sync.Pool{New: func() any { return new([]byte) }}}
}

// refreshed writes the 200 answer without reflection. A token is base64url and dots: nothing in it needs escaping in JSON.
type refreshed struct {
	session.Grant
	shared *shared
}

// VisitRefreshTokenResponse implements gen.RefreshTokenResponseObject.
func (g refreshed) VisitRefreshTokenResponse(w http.ResponseWriter) error {
	room := g.shared.bodies.Get().(*[]byte)
	defer g.shared.bodies.Put(room)
	body := append((*room)[:0], `{"access_token":"`...)
	body = append(body, g.AccessToken...)
	body = append(body, `","expired":`...)
	body = strconv.AppendInt(body, g.Expires, 10)
	if g.RefreshToken != "" {
		body = append(body, `,"refresh_token":"`...)
		body = append(body, g.RefreshToken...)
		body = append(body, '"')
	}
	body = append(body, "}\n"...)
	*room = body
	w.Header()[echo.HeaderContentType] = g.shared.mediaType
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(body); err != nil {
		return errors.Join(errClientGone, err)
	}
	return nil
}
