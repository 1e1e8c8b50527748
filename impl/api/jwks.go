package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/gen"
	"kalsel.dev/refresh/impl/web"
)

// keysCacheControl says how long the public keys may be cached: well below the time for which a new
// key is published before it signs (an hour by default), and long enough to cost nothing.
const keysCacheControl = "public, max-age=300"

// GetJwks implements GET /.well-known/jwks.json.
func (h *handler) GetJwks(
	_ context.Context, r gen.GetJwksRequestObject,
) (gen.GetJwksResponseObject, error) {
	body, err := h.publicKeys()
	if err != nil {
		return nil, fmt.Errorf("write the public keys: %w", err)
	}
	set := publicKeys{body: body, etag: web.ETag(body)}
	set.known = r.Params.IfNoneMatch != nil && web.Matches(*r.Params.IfNoneMatch, set.etag)
	return set, nil
}

// publicKeys is the answer; it is 304 if the caller knows the set already.
type publicKeys struct {
	body  []byte
	etag  string
	known bool
}

// VisitGetJwksResponse implements gen.GetJwksResponseObject.
func (k publicKeys) VisitGetJwksResponse(w http.ResponseWriter) error {
	w.Header().Set("ETag", k.etag)
	w.Header().Set(echo.HeaderCacheControl, keysCacheControl)
	if k.known {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	w.Header().Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	w.WriteHeader(http.StatusOK)
	if _, err := w.Write(k.body); err != nil {
		return errors.Join(errClientGone, err)
	}
	return nil
}
