//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// counters are what a server in rotation mode has counted.
type counters struct{ rotations, commits float64 }

// countersOf reads the metrics at an address; none without one.
func countersOf(ctx context.Context, address string) (counters, error) {
	var c counters
	if address == "" {
		return c, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/metrics", http.NoBody)
	if err != nil {
		return c, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return c, err
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		number, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == `refreshd_rotations_total{answer="advanced"}`:
			c.rotations = number
		case name == "refreshd_store_commits_total":
			c.commits = number
		}
	}
	if c.commits == 0 {
		return c, fmt.Errorf("no commits are counted at %s", address)
	}
	return c, nil
}

// since is how many rotations shared a commit on average.
func (c counters) since(ctx context.Context, address string) (float64, error) {
	now, err := countersOf(ctx, address)
	if err != nil || now.commits == c.commits {
		return 0, err
	}
	return (now.rotations - c.rotations) / (now.commits - c.commits), nil
}
