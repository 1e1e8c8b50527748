package main

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// lifetime is a duration as operators write it: a Go duration in which days (d) may come first, such as 365d, 1d12h or 90m.
type lifetime time.Duration

var errLifetime = errors.New("is not a duration such as 30d, 12h or 90m")

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *lifetime) UnmarshalText(text []byte) error {
	d, err := parseLifetime(string(text))
	*s = lifetime(d)
	return err
}

// parseLifetime reads a lifetime that is not negative.
func parseLifetime(text string) (time.Duration, error) {
	total, rest := time.Duration(0), text
	if days, after, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > math.MaxInt64/uint64(24*time.Hour) {
			return 0, errLifetime
		}
		total, rest = time.Duration(n)*24*time.Hour, after
	}
	if rest != "" || total == 0 {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || total+d < 0 {
			return 0, errLifetime
		}
		total += d
	}
	return total, nil
}
