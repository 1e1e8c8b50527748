package main

import (
	"errors"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"kalsel.dev/refresh/impl/store"
)

// newRegistry returns a registry with what describes the process and its store; impl/api adds the requests.
func newRegistry(db *store.Store) (*prometheus.Registry, error) {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "refreshd_build_info",
		Help:        "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": buildVersion(), "goversion": runtime.Version()},
	})
	build.Set(1)
	return registry, errors.Join(
		registry.Register(build),
		registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "refreshd_store_commits_total",
			Help: "Transactions that this process committed. In SQLite, changes that wait together share one.",
		}, func() float64 { return float64(db.Commits()) })),
		registry.Register(collectors.NewGoCollector()),
		registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
}
