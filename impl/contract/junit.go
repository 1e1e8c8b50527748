package contract

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

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

// WriteJUnit writes the report as JUnit XML: one suite for each operation, and one for the statuses.
func (r *Report) WriteJUnit(w io.Writer) error {
	var all junitSuites
	all.Name = "contract of " + r.URL
	all.Time = seconds(r.Took)
	for _, result := range r.Results {
		operation, rest, _ := strings.Cut(result.Name, "/")
		var breaches []string
		for _, b := range result.Breaches {
			breaches = append(breaches, b.String())
		}
		c := junitCase{Name: rest, Time: seconds(result.Took)}
		all.add(operation, c, strings.Join(breaches, "\n"), result.LeftOut, result.Rule)
	}
	for _, c := range r.Coverage {
		status := junitCase{Name: fmt.Sprintf("%s %d", c.Operation, c.Status), Time: "0"}
		all.add(
			"declared statuses",
			status,
			c.Breach(),
			c.LeftOut,
			"every declared status is produced",
		)
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
