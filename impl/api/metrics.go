package api

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// metrics counts refreshes. Labels are bounded: outcomes, and the faults that package token names;
// they never hold an identity or a token.
type metrics struct {
	refreshes *prometheus.CounterVec
	accepted  prometheus.Counter // one of refreshes, looked up once
}

func newMetrics(r prometheus.Registerer, sessions *session.Service) (*metrics, error) {
	m := &metrics{refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "refreshd_refreshes_total",
		Help: "Refreshes by outcome (accepted, expired, refused, unavailable, clock, failed) " +
			"and, if a token was rejected or is valid only later, the cause. " +
			"clock: a 503 because the clocks of the servers differ.",
	}, []string{"outcome", "cause"})}
	for _, outcome := range []string{"expired", "refused", "unavailable", "clock", "failed"} {
		m.refreshes.WithLabelValues(outcome, "") // an alert needs the 0 before the first one
	}
	m.refreshes.WithLabelValues("unavailable", token.ErrNotYet.Error())
	m.accepted = m.refreshes.WithLabelValues("accepted", "")
	gauge := func(name, help string, value func() float64) error {
		options := prometheus.GaugeOpts{Name: name, Help: help}
		return r.Register(prometheus.NewGaugeFunc(options, value))
	}
	return m, errors.Join(
		r.Register(m.refreshes),
		registerRotation(r, sessions),
		gauge("refreshd_revocations", "Revocations in force, as this node knows them.",
			func() float64 { return float64(sessions.Status().InForce) }),
		gauge("refreshd_feed_lag", "Entries of the feed that this node has not applied.",
			func() float64 { return float64(sessions.Status().Lag) }),
		gauge("refreshd_lease_held",
			"1 if this node has a valid lease and answers from memory, else 0.",
			func() float64 { return flag(sessions.Status().HasLease) }),
		gauge("refreshd_lease_age_seconds",
			"Seconds since this node last took or renewed its lease. It grows without a lease, and "+
				"counts from the start if there never was one.",
			func() float64 { return sessions.Status().LeaseAge.Seconds() }),
		r.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "refreshd_revocations_written_back_total",
			Help: "Revocations that this node has written back to the store, which had lost them.",
		}, func() float64 { return float64(sessions.Status().WrittenBack) })),
	)
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// registerRotation counts the answers of rotation mode. An operator should watch "late" and
// "reused".
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
			Help: "Answers of rotation: adopted and advanced (a new refresh token), " +
				"same and again (inside the window), " +
				"late (a replay after the window: a lost answer, or a thief one step behind), " +
				"reused (the session was revoked), healed (ahead of a restored store).",
			ConstLabels: prometheus.Labels{"answer": answer},
		}, func() float64 { return float64(count(sessions.Rotations())) })))
	}
	return errors.Join(errs...)
}

// notRefreshed counts a refresh that failed with err. It counts neither a request that is not
// valid, such as one for a wrong scope, nor one whose client hung up before the answer.
func (m *metrics) notRefreshed(err error) {
	var fault token.Fault
	var early *token.Early
	switch {
	case errors.Is(err, session.ErrScope), errors.Is(err, context.Canceled):
	case errors.Is(err, token.ErrExpired):
		m.refreshes.WithLabelValues("expired", "").Inc()
	case errors.As(err, &fault):
		m.refreshes.WithLabelValues("refused", fault.Error()).Inc()
	case errors.As(err, &early):
		m.refreshes.WithLabelValues("unavailable", token.ErrNotYet.Error()).Inc()
	case errors.Is(err, revocation.ErrClock):
		m.refreshes.WithLabelValues("clock", "").Inc()
	case errors.Is(err, revocation.ErrUnavailable), errors.Is(err, session.ErrKeysUnavailable),
		errors.Is(err, session.ErrUserService):
		m.refreshes.WithLabelValues("unavailable", "").Inc()
	default:
		m.refreshes.WithLabelValues("failed", "").Inc()
	}
}
