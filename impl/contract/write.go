package contract

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// casesShown is how many cases the text names for each cause.
const casesShown = 3

// WriteText writes the report for people: a line for each operation, the breaches by cause with the
// most frequent first, the cases that were left out by reason, and the verdict.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Contract of %s (level %s)\n\n", r.URL, r.Level)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "\tkept\tbroken\tleft out")
	for _, operation := range operations() {
		part := r.of(operation)
		if kept, broken, left := part.Counts(); kept+broken+left > 0 {
			fmt.Fprintf(table, "%s\t%d\t%d\t%d\n", operation, kept, broken, left)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	writeGroups(&b, "Broken, by cause", r.Causes())
	writeGroups(&b, "Left out, by reason", r.LeftOut())
	var missing []string
	for _, c := range r.Coverage {
		if c.LeftOut != "" {
			missing = append(missing, fmt.Sprintf("%s %d: %s", c.Operation, c.Status, c.LeftOut))
		}
	}
	if len(missing) > 0 {
		fmt.Fprintf(
			&b,
			"\nStatuses that no case could produce\n  %s\n",
			strings.Join(missing, "\n  "),
		)
	}
	b.WriteString("\n" + r.verdict() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// of returns the part of the report about an operation.
func (r *Report) of(operation string) *Report {
	part := &Report{}
	for _, result := range r.Results {
		if strings.HasPrefix(result.Name, operation+"/") {
			part.Results = append(part.Results, result)
		}
	}
	for _, c := range r.Coverage {
		if c.Operation == operation {
			part.Coverage = append(part.Coverage, c)
		}
	}
	return part
}

func writeGroups(b *strings.Builder, title string, groups []Group) {
	if len(groups) > 0 {
		fmt.Fprintf(b, "\n%s\n", title)
	}
	for _, g := range groups {
		fmt.Fprintf(b, "  %d× %s\n", len(g.Cases), strings.ReplaceAll(g.Cause, "\n", "\n     "))
		if g.Seen != "" {
			fmt.Fprintf(b, "     first seen: %s\n", strings.ReplaceAll(g.Seen, "\n", "\n     "))
		}
		names := g.Cases[:min(len(g.Cases), casesShown)]
		more := ""
		if rest := len(g.Cases) - len(names); rest > 0 {
			more = fmt.Sprintf(" and %d more", rest)
		}
		fmt.Fprintf(b, "     in %s%s\n", strings.Join(names, ", "), more)
	}
}

func (r *Report) verdict() string {
	kept, broken, left := r.Counts()
	verdict := "The contract is kept"
	if broken > 0 {
		verdict = "The contract is BROKEN"
	}
	verdict = fmt.Sprintf("%s: %d kept, %d broken, %d left out, in %s.",
		verdict, kept, broken, left, r.Took.Round(time.Millisecond))
	if !r.granted() {
		verdict += "\nNo refresh token was accepted. Give the secret or key and the --login of the " +
			"deployment. If it has a user service, that must know the identities of the cases."
	}
	return verdict
}

// granted reports whether any refresh token was accepted, as far as that was tried.
func (r *Report) granted() bool {
	tried := slices.ContainsFunc(
		r.Coverage,
		func(c Covered) bool { return c.Operation == "refreshToken" },
	)
	return !tried || slices.ContainsFunc(r.Coverage, func(c Covered) bool {
		return c.Operation == "refreshToken" && c.Status == http.StatusOK && c.Answers > 0
	})
}
