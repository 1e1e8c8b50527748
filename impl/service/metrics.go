package service

import (
	"errors"
	"math"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/keys"
	"kalsel.dev/refresh/impl/revocation"
)

// registerMetrics registers the metrics that need more than one part of the service.
func (s *Service) registerMetrics(r prometheus.Registerer, c Config) error {
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		options := prometheus.GaugeOpts{Name: name, Help: help}
		return prometheus.NewGaugeFunc(options, value)
	}
	list := []prometheus.Collector{
		gauge("refreshd_ready", "1 if /readyz answers 200, else 0.", func() float64 {
			return oneIf(len(s.notReady()) == 0)
		}),
		gauge("refreshd_signing_key_end_timestamp_seconds",
			"When the last key that may sign expires, in Unix seconds; +Inf if one never does.",
			func() float64 {
				at, ok := c.Keys.SigningEnds()
				if !ok {
					return math.Inf(1)
				}
				return float64(at)
			}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "refreshd_store_commits_total",
			Help: "Transactions that this process committed. Changes that wait together share one.",
		}, func() float64 { return float64(c.Store.Commits()) }),
	}
	for _, reason := range []string{"stopping", "clock", "store", "keys", "issuer_keys"} {
		list = append(list, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "refreshd_not_ready",
			Help: "1 for each reason why the server is not ready: it is stopping, its clock " +
				"differs, the store or the lease is missing, no key may sign, the issuer's keys " +
				"were never read.",
			ConstLabels: prometheus.Labels{"reason": reason},
		}, func() float64 { return oneIf(s.waitsFor(reason)) }))
	}
	if _, ok := c.Keys.IssuerAge(); ok {
		list = append(list, gauge("refreshd_issuer_keys_age_seconds",
			"Seconds since the issuer's keys were last fetched; since the start if they never were.",
			func() float64 {
				age, _ := c.Keys.IssuerAge()
				return age.Seconds()
			}))
	}
	var failed []error
	for _, one := range list {
		failed = append(failed, r.Register(one))
	}
	return errors.Join(failed...)
}

// waitsFor reports whether a reason keeps the service from being ready.
func (s *Service) waitsFor(reason string) bool {
	keysErr := s.keys.Ready()
	switch reason {
	case "stopping":
		return s.stopping.Load()
	case "clock":
		return s.sessions.Waiting() == revocation.ErrClock.Error()
	case "store":
		waiting := s.sessions.Waiting()
		return waiting != "" && waiting != revocation.ErrClock.Error()
	case "issuer_keys":
		return errors.Is(keysErr, keys.ErrUnavailable)
	}
	return keysErr != nil && !errors.Is(keysErr, keys.ErrUnavailable)
}

func oneIf(on bool) float64 {
	if on {
		return 1
	}
	return 0
}
