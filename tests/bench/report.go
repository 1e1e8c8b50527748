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

// The figures of a sample, by the titles of their columns.
const (
	requestRate  = "requests/s"
	shedRate     = "503s/s"
	p50          = "p50 us"
	p99          = "p99 us"
	lateP99      = "late p99 us"
	usersP99     = "user service's p99 us"
	serverCPU    = "CPU us/request"
	generatorCPU = "generator's"
	resident     = "resident MiB"
	peak         = "peak MiB"
	otherLoad    = "other load %"
	sharing      = "rotations a commit"
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
	Server   string             `json:"server"`
	Round    int                `json:"round"`
	Requests int                `json:"requests"`
	Figures  map[string]float64 `json:"figures"`
}

func newReport(set settings) *report {
	machine := fmt.Sprintf("%d CPUs, %s/%s, %s",
		runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return &report{Machine: machine, Settings: set}
}

// over is a figure of one server over all rounds.
func (r *report) over(server, figure string) spread {
	var values []float64
	for _, s := range r.Samples {
		if s.Server == server {
			values = append(values, s.Figures[figure])
		}
	}
	return spreadOf(values)
}

// ratio compares two servers within each round.
func (r *report) ratio(server, to, figure string) spread {
	var values []float64
	for _, s := range r.Samples {
		for _, base := range r.Samples {
			if s.Server == server && base.Server == to && s.Round == base.Round {
				values = append(values, s.Figures[figure]/base.Figures[figure])
			}
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
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	speed := []string{requestRate, p50, p99}
	switch {
	case r.Settings.Open:
		speed = append(speed, lateP99)
	case r.Settings.Users:
		speed = append(speed, usersP99)
	case r.Settings.Overload:
		kind, speed = "overload", append(speed, shedRate)
	}
	fmt.Fprintf(to, "%s; %s; %d connections, %d rounds of %s in turns of %s, "+
		"median (lowest..highest)\n\n", r.Machine, kind, r.Settings.Connections,
		r.Settings.Rounds, r.Settings.Duration, r.Settings.Turn)
	r.rows(table, 0, speed...)
	r.rows(table, 1, serverCPU, generatorCPU, resident, peak, otherLoad)
	if r.Settings.Rotation || r.Settings.Overload {
		r.rows(table, 1, sharing)
	}
	fmt.Fprintln(table, "ratio\trequests/s\tCPU/request\tp99")
	for at, of := range r.Settings.Servers {
		for _, base := range r.Settings.Servers[:at] {
			if r.comparable(of, base) {
				fmt.Fprintf(table, "%s / %s\t%s\t%s\t%s\n", of, base,
					r.ratio(of, base, requestRate).format(3),
					r.ratio(of, base, serverCPU).format(2), r.ratio(of, base, p99).format(2))
			}
		}
	}
	if len(r.Starts) > 0 {
		fmt.Fprintln(table, "\nserver\tprogram MiB\texec to first 200, ms")
	}
	for _, s := range r.Starts {
		size := fmt.Sprintf("%.1f", float64(s.Bytes)/(1<<20))
		if s.Server == floor || s.Server == byHand {
			size = "-" // they are part of this program
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Server, size, s.Milliseconds.format(1))
	}
}

// comparable reports whether a ratio of two servers says something: in rotation mode, if they have
// the engine or the number of sessions in common.
func (r *report) comparable(of, base string) bool {
	if !r.Settings.Rotation && !r.Settings.Overload {
		return true
	}
	engine, number, _ := strings.Cut(of, "/")
	return strings.HasPrefix(base, engine+"/") || strings.HasSuffix(base, "/"+number)
}

// rows prints a table with one row for each server.
func (r *report) rows(table io.Writer, decimals int, titles ...string) {
	fmt.Fprintf(table, "server\t%s", strings.Join(titles, "\t"))
	for _, name := range r.Settings.Servers {
		fmt.Fprint(table, "\n", name)
		for _, title := range titles {
			fmt.Fprint(table, "\t", r.over(name, title).format(decimals))
		}
	}
	fmt.Fprint(table, "\n\n")
}

func (r *report) save() error {
	if r.Settings.output == "" {
		return nil
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.Settings.output, append(text, '\n'), 0o644)
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
