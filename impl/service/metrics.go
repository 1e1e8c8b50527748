package service

import (
	"context"
	"errors"
	"math"
	"time"

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
		gauge("refreshd_sessions", "Sessions in the store, counted once a minute.",
			func() float64 { return float64(s.counted.Load()) }),
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
	for _, one := range append(list, c.Store.Collectors()...) {
		failed = append(failed, r.Register(one))
	}
	return errors.Join(failed...)
}

// countEvery is how often the sessions are counted: it costs the store a second if there are many.
const countEvery = time.Minute

// countSessions counts the sessions until ctx ends. If the store does not answer, the last number
// stays.
func (s *Service) countSessions(ctx context.Context) {
	for {
		if n, err := s.store.CountSessions(ctx); err == nil {
			s.counted.Store(n)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(countEvery):
		}
	}
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
