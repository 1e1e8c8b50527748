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
		distance := relative(at.Sub(now))
		fmt.Fprintf(&out, "  %-11s  %s  (%s)\n", label, at.Format(timeFormat), distance)
	}
	return out.String()
}

// relative puts a distance in time into words: "in 29 days 23 hours".
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

// span puts a duration into words, with its largest unit and the next one.
func span(d time.Duration) string {
	var words []string
	for _, unit := range []struct {
		name string
		size time.Duration
	}{
		{"day", 24 * time.Hour},
		{"hour", time.Hour},
		{"minute", time.Minute},
		{"second", time.Second},
	} {
		begun, n := len(words) > 0, d/unit.size
		d %= unit.size
		switch {
		case n == 1:
			words = append(words, "1 "+unit.name)
		case n > 1:
			words = append(words, fmt.Sprintf("%d %ss", n, unit.name))
		}
		if begun {
			break
		}
	}
	return strings.Join(words, " ")
}
