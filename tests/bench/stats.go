//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// percentile returns the smallest value that at least the share p of all values do not exceed (nearest rank).
func percentile[T any](sorted []T, p float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	rank := int(p * float64(len(sorted)))
	if float64(rank) < p*float64(len(sorted)) {
		rank++
	}
	return sorted[min(max(rank, 1), len(sorted))-1]
}

func micros(d time.Duration) float64 {
	return float64(d) / float64(time.Microsecond)
}

// spread is a figure over all rounds.
type spread struct {
	Median  float64 `json:"median"`
	Lowest  float64 `json:"lowest"`
	Highest float64 `json:"highest"`
}

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + median) / 2
	}
	return spread{Median: median, Lowest: sorted[0], Highest: sorted[len(sorted)-1]}
}

func (s spread) format(decimals int) string {
	return fmt.Sprintf("%.*f (%.*f..%.*f)", decimals, s.Median, decimals, s.Lowest, decimals, s.Highest)
}
