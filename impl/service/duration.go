package service

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"time"
)

// Duration is a duration as operators write it: a Go duration that may begin with days (d), such as
// 365d, 1d12h or 90m.
type Duration time.Duration

var errDuration = errors.New("is not a duration such as 30d, 12h or 90s")

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	*d = Duration(parsed)
	return err
}

// String returns the duration as ParseDuration reads it.
func (d Duration) String() string {
	const day = 24 * time.Hour
	days, rest := time.Duration(d)/day, time.Duration(d)%day
	switch {
	case days == 0:
		return rest.String()
	case rest == 0:
		return strconv.FormatInt(int64(days), 10) + "d"
	}
	return strconv.FormatInt(int64(days), 10) + "d" + rest.String()
}

// ParseDuration reads a duration. It fails if the duration is negative, or too long for a
// time.Duration (292 years).
func ParseDuration(text string) (time.Duration, error) {
	total, rest := time.Duration(0), text
	if days, after, found := strings.Cut(text, "d"); found {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > math.MaxInt64/uint64(24*time.Hour) {
			return 0, errDuration
		}
		total, rest = time.Duration(n)*24*time.Hour, after
	}
	if rest != "" || total == 0 {
		d, err := time.ParseDuration(rest)
		if err != nil || d < 0 || total+d < 0 {
			return 0, errDuration
		}
		total += d
	}
	return total, nil
}
