package edge

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kalsel.dev/refresh/impl/problem"
)

// OperationsConfig holds the dependencies of the operations handler. All fields are required.
type OperationsConfig struct {
	Log      *slog.Logger
	Registry prometheus.Gatherer
	// NotReady returns the reasons why requests cannot be served now, or none.
	NotReady func() []string
	// Listen is the name of the setting with the address of the API.
	Listen string
}

// Operations returns the routes for operations, which belong on a listener of their own:
// /healthz (the process answers), /readyz (it can serve requests) and /metrics (Prometheus).
// Requests are not logged, because probes come every second; panics are.
func Operations(c OperationsConfig) http.Handler {
	pages := map[string]http.Handler{
		"/healthz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			writeStatus(w, "ok")
		}),
		"/readyz": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			causes := c.NotReady()
			if len(causes) == 0 {
				writeStatus(w, "ready")
				return
			}
			e := problem.New(http.StatusServiceUnavailable, causes...)
			e.Message = "Not ready"
			problem.Write(w, e)
		}),
		"/metrics": promhttp.HandlerFor(c.Registry, promhttp.HandlerOpts{}),
	}
	const use = "use GET /healthz, /readyz or /metrics"
	route := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		page, ok := pages[r.URL.Path]
		switch {
		case !ok:
			problem.Write(w, problem.New(
				http.StatusNotFound,
				"no operation has this path: "+use+"; the API is served at the address of "+c.Listen,
			))
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			cause := "this path has no such method: " + use
			problem.Write(w, problem.New(http.StatusMethodNotAllowed, cause))
		default:
			page.ServeHTTP(w, r)
		}
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, writeLimit: DefaultLimits().Write}
		x.serve(route, r)
		if x.answer != nil && x.answer.Status == http.StatusInternalServerError {
			c.Log.Error("request", "route", r.URL.Path, "error", x.err.Error())
		}
		if x.cut {
			panic(http.ErrAbortHandler)
		}
	})
}

func writeStatus(w http.ResponseWriter, status string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"status":"` + status + `"}` + "\n")) // fails if the client hung up
}
