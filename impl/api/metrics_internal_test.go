package api

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"kalsel.dev/refresh/impl/revocation"
	"kalsel.dev/refresh/impl/session"
	"kalsel.dev/refresh/impl/token"
)

// TestNotRefreshed: the outcome that each error of a refresh is counted under.
func TestNotRefreshed(t *testing.T) {
	for _, c := range []struct {
		err            error
		outcome, cause string // "": not counted
	}{
		{token.ErrExpired, "expired", ""},
		{&token.Rejection{Fault: token.ErrMalformed, Cause: "it is empty"}, "refused",
			"token is malformed"},
		{session.ErrRevoked, "refused", "token is revoked"},
		{&token.Early{}, "unavailable", "token is not valid yet"},
		{revocation.ErrClock, "clock", ""},
		{fmt.Errorf("%w: a", revocation.ErrUnavailable), "unavailable", ""},
		{session.ErrKeysUnavailable, "unavailable", ""},
		{session.ErrUserService, "unavailable", ""},
		{errors.New("a fault"), "failed", ""},
		{session.ErrScope, "", ""},
		{fmt.Errorf("%w: a", context.Canceled), "", ""},
	} {
		m := &metrics{refreshes: prometheus.NewCounterVec(
			prometheus.CounterOpts{Name: "refreshes"}, []string{"outcome", "cause"})}
		m.notRefreshed(c.err)
		registry := prometheus.NewRegistry()
		if err := registry.Register(m.refreshes); err != nil {
			t.Fatal(err)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		outcome, cause := "", ""
		for _, family := range families {
			for _, one := range family.GetMetric() {
				outcome += one.GetLabel()[1].GetValue() // the labels are sorted by their names
				cause += one.GetLabel()[0].GetValue()
			}
		}
		if outcome != c.outcome || cause != c.cause {
			t.Errorf("%v is counted as %s, %q", c.err, outcome, cause)
		}
	}
}
