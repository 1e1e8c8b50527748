package api

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewOps returns the routes for operations, which belong on a listener of their own:
// /healthz (the process answers), /readyz (it can serve requests) and /metrics (Prometheus).
func NewOps(c Config) http.Handler {
	e := newEcho()
	e.GET("/healthz", func(c echo.Context) error { return status(c, "ok") })
	e.GET("/readyz", func(ec echo.Context) error {
		if err := c.Ready(ec.Request().Context()); err != nil {
			return problem(http.StatusServiceUnavailable, "Not ready", "unavailable", err.Error())
		}
		return status(ec, "ready")
	})
	e.GET("/metrics", echo.WrapHandler(promhttp.HandlerFor(c.Registry, promhttp.HandlerOpts{})))
	return e
}

func status(c echo.Context, text string) error {
	return c.JSON(http.StatusOK, map[string]string{"status": text})
}
