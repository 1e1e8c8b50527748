package main

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"
)

// timeFormat is the format of all times that the commands print.
const timeFormat = "2006-01-02 15:04:05 UTC"

// times tells in words when the token was issued, becomes valid and expires.
func times(claims []byte, now time.Time) string {
	var values map[string]any
	if json.Unmarshal(claims, &values) != nil {
		return ""
	}
	var out strings.Builder
	for _, row := range []struct{ claim, past, future string }{
		{"iat", "issued", "issued"},
		{"nbf", "valid since", "valid from"},
		{"exp", "expired", "expires"},
	} {
		value, ok := values[row.claim].(float64)
		if !ok || value < 0 || value > math.MaxInt32*100.0 {
			continue
		}
		at := time.Unix(int64(value), 0).UTC()
		label := row.future
		if !at.After(now) {
			label = row.past
		}
		fmt.Fprintf(&out, "  %-11s  %s  (%s)\n", label, at.Format(timeFormat), relative(at.Sub(now)))
	}
	return out.String()
}

// relative puts a distance in time into words, with its two largest units: "in 29 days 23 hours".
func relative(d time.Duration) string {
	words := span(d.Abs().Round(time.Second))
	switch {
	case words == "":
		return "now"
	case d < 0:
		return words + " ago"
	}
	return "in " + words
}

func span(d time.Duration) string {
	units := []struct {
		name string
		size time.Duration
	}{{"day", 24 * time.Hour}, {"hour", time.Hour}, {"minute", time.Minute}, {"second", time.Second}}
	for i, unit := range units {
		if d < unit.size {
			continue
		}
		words := count(d/unit.size, unit.name)
		if i+1 < len(units) {
			if rest := d % unit.size / units[i+1].size; rest > 0 {
				words += " " + count(rest, units[i+1].name)
			}
		}
		return words
	}
	return ""
}

func count(n time.Duration, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
