package edge

import (
	"cmp"
	"errors"
	"maps"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry returns a registry with the metrics of the process.
func NewRegistry(version string) (*prometheus.Registry, error) {
	registry := prometheus.NewRegistry()
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "refreshd_build_info",
		Help:        "Always 1; the labels name the build.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version()},
	})
	build.Set(1)
	return registry, errors.Join(
		registry.Register(build),
		registry.Register(collectors.NewGoCollector()),
		registry.Register(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})),
	)
}

// series are the labels of a request. They are bounded: routes of the router, and statuses.
type series struct {
	route  string
	status int
}

// durations measures requests. It remembers the histogram of each series that it has seen: to look
// one up in the vector by its labels costs several times as much.
type durations struct {
	vector *prometheus.HistogramVec
	adding sync.Mutex // held while known is replaced
	known  atomic.Pointer[map[series]prometheus.Observer]
}

func newDurations(r prometheus.Registerer) (*durations, error) {
	d := &durations{vector: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "refreshd_http_request_duration_seconds",
		Help: "Duration of HTTP requests by route and status, in seconds.",
		Buckets: []float64{
			.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5,
		},
	}, []string{"route", "status"})}
	d.known.Store(&map[series]prometheus.Observer{})
	return d, r.Register(d.vector)
}

// of returns the histogram of a series.
func (d *durations) of(s series) prometheus.Observer {
	if o, ok := (*d.known.Load())[s]; ok {
		return o
	}
	d.adding.Lock()
	defer d.adding.Unlock()
	o := d.vector.WithLabelValues(cmp.Or(s.route, "none"), strconv.Itoa(s.status))
	more := maps.Clone(*d.known.Load())
	more[s] = o
	d.known.Store(&more)
	return o
}

// admission counts the requests that are in flight and those that were not let in.
type admission struct {
	places         inFlight
	administration inFlight
	limited, shed  prometheus.Counter
}

func newAdmission(r prometheus.Registerer) (*admission, error) {
	a := &admission{}
	a.limited = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "refreshd_http_requests_limited_total",
		Help: "Requests that were answered 429 because of the rate limit.",
	})
	a.shed = prometheus.NewCounter(prometheus.CounterOpts{
		Name: "refreshd_http_requests_shed_total",
		Help: "Requests that were answered 503 because too many were in flight.",
	})
	current := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "refreshd_http_requests_in_flight",
		Help: "Requests that are being worked on: read, and not yet answered. " +
			"It is 0 without a limit of requests in flight.",
	}, func() float64 {
		return float64(a.places.current.Load() + a.administration.current.Load())
	})
	return a, errors.Join(r.Register(a.limited), r.Register(a.shed), r.Register(current))
}
