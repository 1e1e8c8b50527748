package service

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/audit"
	"kalsel.dev/refresh/impl/caller"
	"kalsel.dev/refresh/impl/keys"
)

// auditStream returns the audit stream of s, which counts its events in the registry.
func (c Config) auditStream(s *Service, r prometheus.Registerer) (*audit.Stream, error) {
	events := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "refreshd_audit_events_total",
		Help: "Events of the audit stream, also those whose lines were left out.",
	}, []string{"event"})
	for _, name := range audit.Names() {
		events.WithLabelValues(name)
	}
	alarms := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "refreshd_alarms_total",
		Help: "Alarms: a promise of the service may not hold. docs/runbook.md says what to do.",
	}, []string{"alarm"})
	for _, alarm := range audit.Alarms() {
		alarms.WithLabelValues(alarm)
	}
	out := c.Audit
	if out == nil {
		out = io.Discard
	}
	stream := audit.New(audit.Config{
		Out:     out,
		Node:    func() string { return s.sessions.Node() },
		Now:     c.Now,
		Request: requestOf,
		Count: func(name, cause string) {
			events.WithLabelValues(name).Inc()
			if name == audit.Alarm {
				alarms.WithLabelValues(cause).Inc()
			}
		},
	})
	return stream, errors.Join(r.Register(events), r.Register(alarms))
}

// keysChanged reports keys that came or went.
func (s *Service) keysChanged(r keys.Replacement) {
	e := audit.Event{Name: audit.KeysChanged, Cause: "own"}
	if r.Issuer {
		e.Cause = "issuer"
	}
	var parts []string
	for _, part := range []struct {
		label string
		ids   []string
	}{{"added", r.Added}, {"removed", r.Removed}} {
		if len(part.ids) > 0 {
			parts = append(parts, part.label+": "+strings.Join(part.ids, ", "))
		}
	}
	if !r.Issuer {
		parts = append(parts, "signs: "+r.Active)
	}
	e.Detail = strings.Join(parts, "; ")
	s.audit.Record(context.Background(), e)
}

// requestOf returns the request that ctx belongs to, for the audit stream.
func requestOf(ctx context.Context) audit.Request {
	from := caller.Of(ctx)
	r := audit.Request{ID: from.RequestID, Trace: from.TraceID}
	if from.Address.IsValid() {
		r.Client = from.Address.String()
	}
	return r
}
