package api_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestLabelsAreBounded: whatever callers send, labels are routes, statuses, outcomes and causes
// that the program names itself.
func TestLabelsAreBounded(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := newMeasuredServer(t, time.Now, io.Discard, registry)
	for i := range 50 {
		claims := sample(time.Now().Add(time.Hour))
		claims["identity"] = fmt.Sprintf("somebody-%d@example.com", i)
		accepted := refreshToken(t, claims)
		claims["exp"] = 1
		expired := refreshToken(t, claims)
		for _, raw := range []string{accepted, expired, accepted + "x", fmt.Sprint(i)} {
			post(h, body(t, map[string]any{"refresh_token": raw}))
		}
		r := httptest.NewRequest(fmt.Sprintf("METHOD%d", i), fmt.Sprintf("/path/%d", i), nil)
		r.Header.Set("User-Agent", fmt.Sprintf("agent %d", i))
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	series := gathered(t, registry)
	for _, want := range []string{
		"refreshd_http_request_duration_seconds route=none status=404",
		"refreshd_http_request_duration_seconds route=/api/v1/refresh status=200",
		"refreshd_http_request_duration_seconds route=/api/v1/refresh status=421",
		"refreshd_http_request_duration_seconds route=/api/v1/refresh status=422",
		"refreshd_refreshes_total cause= outcome=accepted",
		"refreshd_refreshes_total cause= outcome=clock",
		"refreshd_refreshes_total cause= outcome=expired",
		"refreshd_refreshes_total cause= outcome=failed",
		"refreshd_refreshes_total cause= outcome=refused",
		"refreshd_refreshes_total cause= outcome=unavailable",
		"refreshd_refreshes_total cause=token is not valid yet outcome=unavailable",
		"refreshd_refreshes_total cause=signature is invalid outcome=refused",
		"refreshd_refreshes_total cause=token is malformed outcome=refused",
	} {
		i := slices.Index(series, want)
		if i < 0 {
			t.Fatalf("no %q among %q", want, series)
		}
		series = slices.Delete(series, i, i+1)
	}
	for _, left := range series {
		if strings.Contains(left, "=") {
			t.Errorf("another series: %s", left)
		}
	}
}

// gathered are the series of a registry: name and labels.
func gathered(t *testing.T, registry *prometheus.Registry) []string {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			series := family.GetName()
			for _, label := range metric.GetLabel() {
				series += " " + label.GetName() + "=" + label.GetValue()
			}
			all = append(all, series)
		}
	}
	return all
}

// TestOutcomes: each refresh is counted once, under its outcome.
func TestOutcomes(t *testing.T) {
	registry := prometheus.NewRegistry()
	h := newMeasuredServer(t, time.Now, io.Discard, registry)
	send := func(raw string, want int) {
		if w := post(h, body(t, map[string]any{"refresh_token": raw})); w.Code != want {
			t.Fatalf("got %d", w.Code)
		}
	}
	for range 3 {
		send(refreshToken(t, sample(time.Now().Add(time.Hour))), http.StatusOK)
	}
	for range 2 {
		send(refreshToken(t, sample(time.Now().Add(-time.Hour))), http.StatusMisdirectedRequest)
	}
	send("no token", http.StatusUnprocessableEntity)
	send("", http.StatusBadRequest) // which is no refresh
	scoped := sample(time.Now().Add(time.Hour))
	scoped["scope"] = "read"
	form := url.Values{
		"grant_type":    {"refresh_token"},
		"refresh_token": {refreshToken(t, scoped)},
		"scope":         {"admin"},
	}
	r := httptest.NewRequest(http.MethodPost, "/oauth2/token", strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if !strings.Contains(w.Body.String(), "invalid_scope") { // which is no refresh either
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() == "refreshd_refreshes_total" {
				if n := metric.GetCounter().GetValue(); n > 0 {
					got[metric.GetLabel()[1].GetValue()] += n
				}
			}
		}
	}
	want := map[string]float64{"accepted": 3, "expired": 2, "refused": 1}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
