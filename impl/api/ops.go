package api

import (
	"log/slog"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// NewOps returns the routes for operations, which belong on a listener of their own:
// /healthz (the process answers), /readyz (it can serve requests) and /metrics (Prometheus).
func NewOps(c Config) http.Handler {
	e := newEcho()
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc { return quietly(c.Logger, next) })
	readable(e, "/healthz", func(c echo.Context) error { return status(c, "ok") })
	readable(e, "/readyz", func(ec echo.Context) error {
		if causes := c.NotReady(); len(causes) > 0 {
			return problem(http.StatusServiceUnavailable, "Not ready", "unavailable", causes...)
		}
		return status(ec, "ready")
	})
	readable(e, "/metrics", echo.WrapHandler(promhttp.HandlerFor(c.Registry, promhttp.HandlerOpts{})))
	return e
}

// quietly logs panics alone: probes come every second.
func quietly(logger *slog.Logger, next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := recovered(next, c)
		if err != nil && envelope(err).Status == http.StatusInternalServerError {
			logger.Error("request", "route", c.Path(), "error", err.Error())
		}
		return err
	}
}

func status(c echo.Context, text string) error {
	return c.JSON(http.StatusOK, map[string]string{"status": text})
}
