package contract

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// WriteText writes the report for people: the cases by operation, then the statuses, then the verdict.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Contract of %s\n", r.URL)
	group := ""
	for _, result := range r.Results {
		operation, rest, _ := strings.Cut(result.Name, "/")
		if operation != group {
			group = operation
			fmt.Fprintf(&b, "\n%s\n", operation)
		}
		writeResult(&b, rest, result)
	}
	b.WriteString("\nStatuses that the contract declares\n")
	for _, c := range r.Coverage {
		fmt.Fprintf(&b, "  %s %s %d: %s\n", mark(c.Breach() != "", c.LeftOut), c.Operation, c.Status, c.words())
	}
	b.WriteString("\n" + r.verdict() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) verdict() string {
	kept, broken, left := r.Counts()
	verdict := "The contract is kept"
	if broken > 0 {
		verdict = "The contract is BROKEN"
	}
	verdict = fmt.Sprintf("%s: %d kept, %d broken, %d left out, in %s.", verdict, kept, broken, left, r.Took.Round(time.Millisecond))
	if !r.granted() {
		verdict += "\nNo refresh token was accepted: does the deployment have the secret that was given?"
	}
	return verdict
}

// granted reports whether any refresh token was accepted.
func (r *Report) granted() bool {
	return slices.ContainsFunc(r.Coverage, func(c Covered) bool {
		return c.Operation == "refreshToken" && c.Status == http.StatusOK && c.Answers > 0
	})
}

func writeResult(b *strings.Builder, name string, r Result) {
	fmt.Fprintf(b, "  %s %s\n         %s\n", mark(len(r.Breaches) > 0, r.LeftOut), name, r.Rule)
	if r.LeftOut != "" {
		fmt.Fprintf(b, "         left out: %s\n", r.LeftOut)
	}
	for _, breach := range r.Breaches {
		fmt.Fprintf(b, "         -> %s\n", strings.ReplaceAll(breach, "\n", "\n            "))
	}
}

func mark(broken bool, left string) string {
	switch {
	case broken:
		return "BREACH"
	case left != "":
		return "-     "
	}
	return "ok    "
}

func (c Covered) words() string {
	switch {
	case c.Answers == 1:
		return "1 answer"
	case c.Answers > 0:
		return fmt.Sprintf("%d answers", c.Answers)
	case c.LeftOut != "":
		return c.LeftOut
	}
	return c.Breach()
}

type junitSuites struct {
	XMLName  xml.Name     `xml:"testsuites"`
	Name     string       `xml:"name,attr"`
	Tests    int          `xml:"tests,attr"`
	Failures int          `xml:"failures,attr"`
	Skipped  int          `xml:"skipped,attr"`
	Time     string       `xml:"time,attr"`
	Suites   []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Skipped  int         `xml:"skipped,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string      `xml:"classname,attr"`
	Name    string      `xml:"name,attr"`
	Time    string      `xml:"time,attr"`
	Failure *junitNote  `xml:"failure,omitempty"`
	Skipped *junitShort `xml:"skipped,omitempty"`
}

type junitNote struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitShort struct {
	Message string `xml:"message,attr"`
}

// WriteJUnit writes the report as JUnit XML: one suite an operation, and one for the statuses.
func (r *Report) WriteJUnit(w io.Writer) error {
	var all junitSuites
	all.Name = "contract of " + r.URL
	all.Time = seconds(r.Took)
	for _, result := range r.Results {
		operation, rest, _ := strings.Cut(result.Name, "/")
		all.add(operation, junitCase{Name: rest, Time: seconds(result.Took)}, strings.Join(result.Breaches, "\n"), result.LeftOut, result.Rule)
	}
	for _, c := range r.Coverage {
		all.add("declared statuses", junitCase{Name: fmt.Sprintf("%s %d", c.Operation, c.Status), Time: "0"}, c.Breach(), c.LeftOut, "every declared status is produced")
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (s *junitSuites) add(suite string, c junitCase, breach, left, rule string) {
	if len(s.Suites) == 0 || s.Suites[len(s.Suites)-1].Name != suite {
		s.Suites = append(s.Suites, junitSuite{Name: suite})
	}
	in := &s.Suites[len(s.Suites)-1]
	c.Class = suite
	switch {
	case breach != "":
		c.Failure = &junitNote{Message: rule, Text: breach}
		s.Failures++
		in.Failures++
	case left != "":
		c.Skipped = &junitShort{Message: left}
		s.Skipped++
		in.Skipped++
	}
	s.Tests++
	in.Tests++
	in.Cases = append(in.Cases, c)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()) }
