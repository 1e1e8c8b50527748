package guard

import (
	"errors"
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/session"
)

// metrics counts checks by their result. Labels hold nothing of a token.
type metrics struct {
	accepted, rejected, revoked, unavailable, passedStale prometheus.Counter
}

func newMetrics(r prometheus.Registerer, g *Guard) (*metrics, error) {
	checks := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "refreshd_guard_checks_total",
		Help: "Checks of access tokens by result: accepted, rejected, revoked, unavailable (not " +
			"decided, because the revocations were too old) and passed_stale (decided all the same; " +
			"they count as accepted or revoked too).",
	}, []string{"result"})
	m := &metrics{
		accepted:    checks.WithLabelValues("accepted"),
		rejected:    checks.WithLabelValues("rejected"),
		revoked:     checks.WithLabelValues("revoked"),
		unavailable: checks.WithLabelValues("unavailable"),
		passedStale: checks.WithLabelValues("passed_stale"),
	}
	if r == nil {
		return m, nil
	}
	return m, errors.Join(
		r.Register(checks),
		r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "refreshd_guard_age_seconds",
			Help: "Age of the knowledge of revocations; +Inf if there is none yet.",
		}, func() float64 {
			age, known := g.Age()
			if !known {
				return math.Inf(1)
			}
			return age.Seconds()
		})),
		r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "refreshd_guard_revocations",
			Help: "Revocations in memory.",
		}, func() float64 { return float64(g.set.Len()) })),
	)
}

// count counts a check that was accepted, if err is nil, or not.
func (m *metrics) count(err error) {
	switch {
	case err == nil:
		m.accepted.Inc()
	case errors.Is(err, ErrUnavailable):
		m.unavailable.Inc()
	case errors.Is(err, session.ErrRevoked), errors.Is(err, session.ErrUndated):
		m.revoked.Inc()
	default:
		m.rejected.Inc()
	}
}
