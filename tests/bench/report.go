//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is everything that was measured, as -json writes it.
type report struct {
	Machine      string    `json:"machine"`
	Settings     settings  `json:"settings"`
	FloorMaximum float64   `json:"floor_maximum,omitempty"`
	OfferedRate  float64   `json:"offered_rate,omitempty"`
	Starts       []startUp `json:"starts,omitempty"`
	Samples      []sample  `json:"samples"`
}

type startUp struct {
	Server       string `json:"server"`
	Bytes        int64  `json:"bytes"`
	Milliseconds spread `json:"milliseconds_to_first_answer"`
}

// sample is one measurement of one server.
type sample struct {
	Server    string  `json:"server"`
	Round     int     `json:"round"`
	Requests  int     `json:"requests"`
	Rate      float64 `json:"requests_per_second"`
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	LateP99   float64 `json:"late_p99_us"` // open loop: by how much the generator missed its times
	ServerCPU float64 `json:"server_cpu_us_per_request"`
	ClientCPU float64 `json:"client_cpu_us_per_request"`
	Shared    float64 `json:"rotations_per_commit,omitempty"`
	Others    float64 `json:"others"`  // share of the machine that other processes used
	RSS       int64   `json:"rss_kib"` // at the end of the load
	Peak      int64   `json:"peak_rss_kib"`
}

func rate(s sample) float64      { return s.Rate }
func p99(s sample) float64       { return s.P99 }
func serverCPU(s sample) float64 { return s.ServerCPU }

// figure is a column of a table.
type figure struct {
	title    string
	of       func(sample) float64
	decimals int
}

func newReport(set settings) *report {
	machine := fmt.Sprintf("%d CPUs, %s/%s, %s",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return &report{Machine: machine, Settings: set}
}

// over is a figure of one server over all rounds.
func (r *report) over(server string, of func(sample) float64) spread {
	var values []float64
	for _, s := range r.Samples {
		if s.Server == server {
			values = append(values, of(s))
		}
	}
	return spreadOf(values)
}

// ratio compares two servers within each round.
func (r *report) ratio(server, to string, of func(sample) float64) spread {
	base := map[int]float64{}
	for _, s := range r.Samples {
		if s.Server == to {
			base[s.Round] = of(s)
		}
	}
	var values []float64
	for _, s := range r.Samples {
		if s.Server == server && base[s.Round] > 0 {
			values = append(values, of(s)/base[s.Round])
		}
	}
	return spreadOf(values)
}

func (r *report) print(to io.Writer) {
	kind := "closed loop"
	if r.Settings.Open {
		kind = fmt.Sprintf("open loop at %.0f requests/s, %.0f%% of the floor's %.0f",
			r.OfferedRate, r.Settings.Load*100, r.FloorMaximum)
	}
	fmt.Fprintf(to, "%s; %s; %d connections, %d rounds of %s in turns of %s, "+
		"median (lowest..highest)\n\n", r.Machine, kind, r.Settings.Connections,
		r.Settings.Rounds, r.Settings.Duration, r.Settings.Turn)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	speed := []figure{
		{"requests/s", rate, 0},
		{"p50 us", func(s sample) float64 { return s.P50 }, 0},
		{"p99 us", p99, 0},
	}
	if r.Settings.Open {
		late := func(s sample) float64 { return s.LateP99 }
		speed = append(speed, figure{"late p99 us", late, 0})
	}
	r.rows(table, speed)
	r.rows(table, []figure{
		{"CPU us/request", serverCPU, 1},
		{"generator's", func(s sample) float64 { return s.ClientCPU }, 1},
		{"resident MiB", func(s sample) float64 { return float64(s.RSS) / 1024 }, 1},
		{"peak MiB", func(s sample) float64 { return float64(s.Peak) / 1024 }, 1},
		{"other load %", func(s sample) float64 { return s.Others * 100 }, 0},
	})
	if r.Settings.Rotation {
		shared := func(s sample) float64 { return s.Shared }
		r.rows(table, []figure{{"rotations a commit", shared, 1}})
	}
	r.printRatios(table)
	if len(r.Starts) > 0 {
		fmt.Fprintln(table, "server\tprogram MiB\texec to first 200, ms")
	}
	for _, s := range r.Starts {
		size := "-" // the others are part of this program
		if s.Server == refreshd {
			size = fmt.Sprintf("%.1f", float64(s.Bytes)/(1<<20))
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Server, size, s.Milliseconds.format(1))
	}
}

// rows prints a table with one row for each server.
func (r *report) rows(table io.Writer, columns []figure) {
	fmt.Fprint(table, "server")
	for _, c := range columns {
		fmt.Fprint(table, "\t", c.title)
	}
	for _, name := range r.Settings.Servers {
		fmt.Fprint(table, "\n", name)
		for _, c := range columns {
			fmt.Fprint(table, "\t", r.over(name, c.of).format(c.decimals))
		}
	}
	fmt.Fprint(table, "\n\n")
}

// printRatios compares the last server, the one that matters, with each other one; in rotation mode
// many sessions with few.
func (r *report) printRatios(table io.Writer) {
	names := r.Settings.Servers
	last := names[len(names)-1]
	fmt.Fprintln(table, "ratio\trequests/s\tCPU/request\tp99")
	for _, name := range names {
		of, to := last, name
		if r.Settings.Rotation {
			of, to = strings.TrimSuffix(name, "000")+"000000", name
		}
		if of == to || !slices.Contains(names, of) {
			continue
		}
		fmt.Fprintf(table, "%s / %s\t%s\t%s\t%s\n", of, to, r.ratio(of, to, rate).format(3),
			r.ratio(of, to, serverCPU).format(2), r.ratio(of, to, p99).format(2))
	}
	fmt.Fprintln(table)
}

func (r *report) save(path string) error {
	if path == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// percentile returns, in microseconds, the smallest value that at least the share p of all values
// do not exceed (nearest rank).
func percentile(sorted []time.Duration, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(p * float64(len(sorted))))
	return float64(sorted[max(rank, 1)-1]) / float64(time.Microsecond)
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
	median := (sorted[middle] + sorted[(len(sorted)-1)/2]) / 2
	return spread{Median: median, Lowest: sorted[0], Highest: sorted[len(sorted)-1]}
}

func (s spread) format(decimals int) string {
	return fmt.Sprintf("%.*f (%.*f..%.*f)",
		decimals, s.Median, decimals, s.Lowest, decimals, s.Highest)
}
