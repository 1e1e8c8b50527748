package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
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
}

var _ gen.StrictServerInterface = (*handler)(nil)

// RefreshToken implements POST /api/v1/refresh.
func (h *handler) RefreshToken(ctx context.Context, r gen.RefreshTokenRequestObject) (gen.RefreshTokenResponseObject, error) {
	minutes := gen.RefreshRequestLimitDefault
	if r.Body.Limit != nil {
		minutes = *r.Body.Limit
	}
	grant, err := h.sessions.RefreshFrom(ctx, r.Body.RefreshToken, time.Duration(minutes)*time.Minute, clientOf(ctx))
	h.metrics.refreshed(err)
	if err != nil {
		return nil, err
	}
	return refreshed(grant), nil
}

// refreshed writes the 200 answer without reflection. A token is base64url and dots: nothing in it needs escaping in JSON.
type refreshed session.Grant

// VisitRefreshTokenResponse implements gen.RefreshTokenResponseObject.
func (g refreshed) VisitRefreshTokenResponse(w http.ResponseWriter) error {
	body := make([]byte, 0, len(g.AccessToken)+len(g.RefreshToken)+64)
	body = append(body, `{"access_token":"`...)
	body = append(body, g.AccessToken...)
	body = append(body, `","expired":`...)
	body = strconv.AppendInt(body, g.Expires, 10)
	if g.RefreshToken != "" {
		body = append(body, `,"refresh_token":"`...)
		body = append(body, g.RefreshToken...)
		body = append(body, '"')
	}
	body = append(body, "}\n"...)
	w.Header()[echo.HeaderContentType] = []string{echo.MIMEApplicationJSON}
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(body); err != nil {
		return errors.Join(errClientGone, err)
	}
	return nil
}
