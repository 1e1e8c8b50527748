package store

import (
	"context"
	"database/sql"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// measurements are the histograms of a store.
type measurements struct {
	reads, writes prometheus.Observer // of durations, in seconds
	durations     *prometheus.HistogramVec
	batches       prometheus.Histogram // changes in a commit
}

func newMeasurements() *measurements {
	m := &measurements{
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "refreshd_store_duration_seconds",
			Help: "Duration of calls to the store, with the wait for their turn, in seconds.",
			Buckets: []float64{
				.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5,
			},
		}, []string{"kind"}),
		batches: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "refreshd_store_batch_size",
			Help:    "Changes that were committed together.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
		}),
	}
	m.reads, m.writes = m.durations.WithLabelValues("read"), m.durations.WithLabelValues("write")
	return m
}

// timed begins to measure a call. The function that it returns ends it.
func timed(o prometheus.Observer) func() {
	begun := time.Now()                                      //nolint:forbidigo // a duration, on the monotonic clock
	return func() { o.Observe(time.Since(begun).Seconds()) } //nolint:forbidigo // the same
}

// pooling is an engine with connections.
type pooling interface {
	// connections returns how many are in use, how many are idle, and how many there may be.
	connections() (inUse, idle, most int)
}

// Collectors returns the metrics of the store.
func (s *Store) Collectors() []prometheus.Collector {
	gauge := func(name, help string, labels prometheus.Labels, value func() float64) prometheus.Collector {
		options := prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}
		return prometheus.NewGaugeFunc(options, value)
	}
	list := []prometheus.Collector{
		s.measured.durations,
		s.measured.batches,
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "refreshd_store_commits_total",
			Help: "Transactions that this process committed. Changes that wait together share one.",
		}, func() float64 { return float64(s.Commits()) }),
	}
	if pool, ok := s.engine.(pooling); ok {
		const help = "Connections to the store, by state."
		list = append(list,
			gauge("refreshd_store_connections", help, prometheus.Labels{"state": "in_use"}, func() float64 {
				inUse, _, _ := pool.connections()
				return float64(inUse)
			}),
			gauge("refreshd_store_connections", help, prometheus.Labels{"state": "idle"}, func() float64 {
				_, idle, _ := pool.connections()
				return float64(idle)
			}),
			gauge("refreshd_store_connections_max", "Connections to the store that there may be.", nil,
				func() float64 {
					_, _, most := pool.connections()
					return float64(most)
				}))
	}
	if path := s.file; path != "" {
		list = append(list,
			gauge("refreshd_store_file_bytes", "Size of SQLite's database file, in bytes.", nil,
				func() float64 { return sizeOf(path) }),
			gauge("refreshd_store_wal_bytes", "Size of SQLite's write-ahead log, in bytes.", nil,
				func() float64 { return sizeOf(path + "-wal") }))
	}
	return list
}

// sizeOf returns the size of a file, or 0 if there is none.
func sizeOf(path string) float64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	return float64(info.Size())
}

// fileOf returns the path of the database of a SQLite URL, or "" for any other URL.
func fileOf(url string) string {
	path, ok := strings.CutPrefix(url, "sqlite:")
	if !ok || path == ":memory:" {
		return ""
	}
	return path
}

func (e *sqliteEngine) connections() (inUse, idle, most int) {
	for _, db := range []*sql.DB{e.reads, e.writes} {
		stats := db.Stats()
		inUse, idle, most = inUse+stats.InUse, idle+stats.Idle, most+stats.MaxOpenConnections
	}
	return inUse, idle, most
}

func (e *postgresEngine) connections() (inUse, idle, most int) {
	for _, pool := range []*pgxpool.Pool{e.reads, e.writes, e.upkeep} {
		stats := pool.Stat()
		inUse, idle = inUse+int(stats.AcquiredConns()), idle+int(stats.IdleConns())
		most += int(stats.MaxConns())
	}
	return inUse, idle, most
}

const (
	countSessions = `SELECT count(*) FROM refresh_sessions`
	// PostgreSQL would read all of a large table to count its rows. It keeps an estimate.
	estimateSessions = `SELECT CASE WHEN reltuples < 100000 THEN
(SELECT count(*) FROM refresh_sessions) ELSE reltuples::bigint END
FROM pg_class WHERE oid = 'refresh_sessions'::regclass`
)

// CountSessions returns how many rows of sessions there are, expired ones that are still kept
// included. On PostgreSQL a large number is an estimate.
func (s *Store) CountSessions(ctx context.Context) (n int64, err error) {
	text := countSessions
	if _, ok := s.engine.(*postgresEngine); ok {
		text = estimateSessions
	}
	err = s.read(ctx, one([]any{&n}, text))
	return n, err
}
