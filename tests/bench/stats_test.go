//go:build linux

package main

import "testing"

func TestPercentile(t *testing.T) {
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	for name, c := range map[string]struct {
		values []int
		p      float64
		want   int
	}{
		"nothing":                {nil, 0.5, 0},
		"one value":              {[]int{7}, 0.99, 7},
		"median of an odd count": {[]int{1, 2, 9}, 0.5, 2},
		"a rank between two":     {[]int{1, 2, 3, 4}, 0.51, 3},
		"p99 of a hundred":       {hundred, 0.99, 99},
		"lowest":                 {hundred, 0, 1},
		"highest":                {hundred, 1, 100},
	} {
		t.Run(name, func(t *testing.T) {
			if got := percentile(c.values, c.p); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestSpread(t *testing.T) {
	for name, c := range map[string]struct {
		values []float64
		want   spread
	}{
		"nothing":    {nil, spread{}},
		"odd count":  {[]float64{3, 1, 2}, spread{Median: 2, Lowest: 1, Highest: 3}},
		"even count": {[]float64{4, 1, 3, 2}, spread{Median: 2.5, Lowest: 1, Highest: 4}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spreadOf(c.values); got != c.want {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

func TestRatioComparesWithinARound(t *testing.T) {
	r := report{Samples: []sample{
		{Server: floor, Round: 1, Rate: 100}, {Server: refreshd, Round: 1, Rate: 90},
		{Server: refreshd, Round: 2, Rate: 40}, {Server: floor, Round: 2, Rate: 50},
		{Server: floor, Round: 3, Rate: 100},
	}}
	if got, want := r.ratio(refreshd, floor, rate), (spread{Median: 0.85, Lowest: 0.8, Highest: 0.9}); got.format(6) != want.format(6) {
		t.Errorf("got %v, want %v", got, want)
	}
}
