package api

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"

	"kalsel.dev/refresh/impl/session"
)

// TestAddressOfAClient: the address in audit lines is the connection's, whatever headers a client
// sends.
func TestAddressOfAClient(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/api/v1/refresh", nil)
	r.RemoteAddr = "192.0.2.7:4711"
	r.Header.Set("User-Agent", "a phone")
	for _, header := range []string{"X-Forwarded-For", "X-Real-Ip", "Forwarded"} {
		r.Header.Set(header, "198.51.100.1")
	}
	e := echo.New()
	e.IPExtractor = echo.ExtractIPDirect()
	c := e.NewContext(r, httptest.NewRecorder())
	err := withClient(func(c echo.Context) error {
		got := c.Request().Context().Value(clientKey{})
		if want := (session.Client{UserAgent: "a phone", Address: "192.0.2.7"}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		return nil
	})(c)
	if err != nil {
		t.Error(err)
	}
}
