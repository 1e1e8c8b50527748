//go:build linux

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"text/tabwriter"
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

func newReport(set settings) *report {
	machine := fmt.Sprintf("%d CPUs, %s/%s, %s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	return &report{Machine: machine, Settings: set}
}

func rate(s sample) float64      { return s.Rate }
func p50(s sample) float64       { return s.P50 }
func p99(s sample) float64       { return s.P99 }
func lateP99(s sample) float64   { return s.LateP99 }
func serverCPU(s sample) float64 { return s.ServerCPU }
func clientCPU(s sample) float64 { return s.ClientCPU }
func others(s sample) float64    { return s.Others * 100 }
func rss(s sample) float64       { return float64(s.RSS) / 1024 }
func peak(s sample) float64      { return float64(s.Peak) / 1024 }

// over is a figure of one server over all rounds.
func (r *report) over(server string, figure func(sample) float64) spread {
	var values []float64
	for _, s := range r.Samples {
		if s.Server == server {
			values = append(values, figure(s))
		}
	}
	return spreadOf(values)
}

// ratio compares two servers within each round.
func (r *report) ratio(server, to string, figure func(sample) float64) spread {
	base := map[int]float64{}
	for _, s := range r.Samples {
		if s.Server == to {
			base[s.Round] = figure(s)
		}
	}
	var values []float64
	for _, s := range r.Samples {
		if s.Server == server && base[s.Round] > 0 {
			values = append(values, figure(s)/base[s.Round])
		}
	}
	return spreadOf(values)
}

func (r *report) servers() []string {
	var names []string
	for _, name := range r.Settings.Servers {
		if r.over(name, rate).Median > 0 {
			names = append(names, name)
		}
	}
	return names
}

func (r *report) print(to io.Writer) {
	kind := "closed loop"
	if r.Settings.Open {
		kind = fmt.Sprintf("open loop at %.0f requests/s, %.0f%% of the floor's %.0f", r.OfferedRate, r.Settings.Load*100, r.FloorMaximum)
	}
	fmt.Fprintf(to, "%s; %s; %d connections, %d rounds of %s in turns of %s, median (lowest..highest)\n\n",
		r.Machine, kind, r.Settings.Connections, r.Settings.Rounds, r.Settings.Duration, r.Settings.Turn)
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	defer table.Flush()
	r.printSpeed(table)
	r.printCost(table)
	if !r.Settings.Rotation { // which has ratios of its own
		r.printRatios(table)
	}
	r.printStarts(table)
}

func (r *report) printSpeed(table io.Writer) {
	fmt.Fprintln(table, "server\trequests/s\tp50 us\tp99 us\tlate p99 us")
	for _, name := range r.servers() {
		late := "-"
		if r.Settings.Open {
			late = r.over(name, lateP99).format(0)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", name,
			r.over(name, rate).format(0), r.over(name, p50).format(0), r.over(name, p99).format(0), late)
	}
}

func (r *report) printCost(table io.Writer) {
	fmt.Fprintln(table, "\nserver\tCPU us/request\tgenerator's\tresident MiB\tpeak MiB\tother load %")
	for _, name := range r.servers() {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", name,
			r.over(name, serverCPU).format(1), r.over(name, clientCPU).format(1),
			r.over(name, rss).format(1), r.over(name, peak).format(1), r.over(name, others).format(0))
	}
}

func (r *report) printStarts(table io.Writer) {
	if len(r.Starts) > 0 {
		fmt.Fprintln(table, "\nserver\tprogram MiB\texec to first 200, ms")
	}
	for _, s := range r.Starts {
		size := fmt.Sprintf("%.1f", float64(s.Bytes)/(1<<20))
		if s.Server != refreshd {
			size = "-" // part of this program
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Server, size, s.Milliseconds.format(1))
	}
}

// printRatios sets the last server of the list, the one that matters, against each other one.
func (r *report) printRatios(table io.Writer) {
	names := r.servers()
	if len(names) < 2 {
		return
	}
	fmt.Fprintln(table, "\nratio\trequests/s\tCPU/request\tp99")
	last := names[len(names)-1]
	for _, name := range names[:len(names)-1] {
		fmt.Fprintf(table, "%s / %s\t%s\t%s\t%s\n", last, name,
			r.ratio(last, name, rate).format(3), r.ratio(last, name, serverCPU).format(2), r.ratio(last, name, p99).format(2))
	}
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
