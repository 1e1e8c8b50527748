package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// refreshRoute is what POST /api/v1/refresh is called in metrics.
const refreshRoute = "/api/v1/refresh"

// metrics counts requests and refreshes. Labels are bounded: routes of the router, statuses, and the faults that
// package token names; never an identity, never a token.
type metrics struct {
	requests  *prometheus.HistogramVec
	refreshes *prometheus.CounterVec
	// What nearly every request is, resolved once.
	accepted prometheus.Counter
	redeemed prometheus.Observer // of refreshes with 200
}

func newMetrics(r prometheus.Registerer, sessions *session.Service) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "refreshd_http_request_duration_seconds",
			Help:    "Duration of HTTP requests by route and status, in seconds.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"route", "status"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refreshd_refreshes_total",
			Help: "Refreshes by outcome (accepted, expired, refused, unavailable, failed) and, where a token was refused, the cause.",
		}, []string{"outcome", "cause"}),
	}
	m.accepted = m.refreshes.WithLabelValues("accepted", "")
	m.redeemed = m.requests.WithLabelValues(refreshRoute, statusLabel(http.StatusOK))
	return m, errors.Join(
		r.Register(m.requests), r.Register(m.refreshes), registerRotation(r, sessions),
		r.Register(gauge("refreshd_revocations", "Revocations in force, as this node knows them.", func() float64 {
			return float64(sessions.Status().InForce)
		})),
		r.Register(gauge("refreshd_feed_lag", "Entries of the feed of revocations that this node has not applied.", func() float64 {
			return float64(sessions.Status().Lag)
		})),
		r.Register(gauge("refreshd_lease_age_seconds", "Time since this node's lease counts from, in seconds; 0 without a lease.", func() float64 {
			return sessions.Status().LeaseAge.Seconds()
		})),
	)
}

// registerRotation counts the answers of rotation mode. "late" and "reused" are what an operator should watch.
func registerRotation(r prometheus.Registerer, sessions *session.Service) error {
	if sessions.Rotations() == nil {
		return nil
	}
	answers := map[string]func(*session.Counts) int64{
		"adopted":  func(c *session.Counts) int64 { return c.Adopted },
		"advanced": func(c *session.Counts) int64 { return c.Advanced },
		"same":     func(c *session.Counts) int64 { return c.Same },
		"again":    func(c *session.Counts) int64 { return c.Again },
		"late":     func(c *session.Counts) int64 { return c.Late },
		"reused":   func(c *session.Counts) int64 { return c.Reused },
		"healed":   func(c *session.Counts) int64 { return c.Healed },
	}
	var errs []error
	for answer, count := range answers {
		errs = append(errs, r.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "refreshd_rotations_total",
			Help: "Answers of rotation: adopted and advanced (a new refresh token), same and again (inside the window), late (a replay after " +
				"the window: a lost answer, or a thief one step behind), reused (the session was ended), healed (ahead of a restored store).",
			ConstLabels: prometheus.Labels{"answer": answer},
		}, func() float64 { return float64(count(sessions.Rotations())) })))
	}
	return errors.Join(errs...)
}

func gauge(name, help string, value func() float64) prometheus.Collector {
	return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
}

func (m *metrics) request(route string, status int, took time.Duration) {
	if route == refreshRoute && status == http.StatusOK {
		m.redeemed.Observe(took.Seconds())
		return
	}
	if route == "" {
		route = "none"
	}
	m.requests.WithLabelValues(route, statusLabel(status)).Observe(took.Seconds())
}

func (m *metrics) refreshed(err error) {
	if err == nil {
		m.accepted.Inc()
		return
	}
	var fault token.Fault
	switch {
	case errors.Is(err, token.ErrExpired):
		m.refreshes.WithLabelValues("expired", "").Inc()
	case errors.As(err, &fault):
		m.refreshes.WithLabelValues("refused", fault.Error()).Inc()
	case errors.Is(err, revocation.ErrUnavailable), errors.Is(err, session.ErrKeysUnavailable):
		m.refreshes.WithLabelValues("unavailable", "").Inc()
	default:
		m.refreshes.WithLabelValues("failed", "").Inc()
	}
}

// statusLabel spares the common statuses an allocation.
func statusLabel(status int) string {
	switch status {
	case 200:
		return "200"
	case 421:
		return "421"
	case 422:
		return "422"
	}
	return strconv.Itoa(status)
}
