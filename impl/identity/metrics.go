package identity

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/sony/gobreaker/v2"
)

// metrics measures calls and counts failures. Its labels come from fixed lists.
type metrics struct {
	duration *prometheus.HistogramVec
	failures *prometheus.CounterVec
	kept     prometheus.Counter
}

func newMetrics(r prometheus.Registerer, c *Client) (*metrics, error) {
	m := &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "refreshd_identity_call_duration_seconds",
			Help: "Duration of calls of the user service by outcome (updated, not_allowed, gone, " +
				"failed), in seconds.",
			Buckets: []float64{
				.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5,
			},
		}, []string{"outcome"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "refreshd_identity_failures_total",
			Help: "Refreshes for which the user service gave no usable answer, by reason.",
		}, []string{"reason"}),
		kept: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "refreshd_identity_kept_total",
			Help: "Access tokens with the claims of the refresh token, because the user service gave " +
				"no usable answer and the settings say so.",
		}),
	}
	for _, outcome := range []string{"updated", "not_allowed", "gone", "failed"} {
		m.duration.WithLabelValues(outcome)
	}
	for _, one := range reasons() {
		m.failures.WithLabelValues(string(one)) // an alert needs the 0 before the first one
	}
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	return m, errors.Join(
		r.Register(m.duration),
		r.Register(m.failures),
		r.Register(m.kept),
		r.Register(gauge("refreshd_identity_in_flight", "Calls that wait for the user service.",
			func() float64 { return float64(c.calls.inFlight()) })),
		r.Register(gauge("refreshd_identity_breaker_open",
			"1 while the user service is not asked because it failed too often, else 0.",
			func() float64 {
				if c.breaker.State() == gobreaker.StateOpen {
					return 1
				}
				return 0
			})),
	)
}

// called measures a call.
func (m *metrics) called(a answer, err error, took time.Duration) {
	outcome := "updated"
	switch {
	case err != nil:
		outcome = "failed"
	case a.verdict == notAllowed:
		outcome = "not_allowed"
	case a.verdict == gone:
		outcome = "gone"
	}
	m.duration.WithLabelValues(outcome).Observe(took.Seconds())
}

// failed counts a refresh for which there was no usable answer.
func (m *metrics) failed(why reason, kept bool) {
	m.failures.WithLabelValues(string(why)).Inc()
	if kept {
		m.kept.Inc()
	}
}
