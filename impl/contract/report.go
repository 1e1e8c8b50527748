package contract

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"time"
)

// Report is the result of a run. It holds no token and no secret.
type Report struct {
	URL      string        `json:"url"`
	Level    Level         `json:"level"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
	Results  []Result      `json:"results"`
	Coverage []Covered     `json:"coverage"`
}

// Result is the outcome of one case: kept, broken, or left out for a reason.
type Result struct {
	Name      string        `json:"name"`
	Rule      string        `json:"rule"`
	Breaches  []Breach      `json:"breaches,omitempty"`
	LeftOut   string        `json:"left_out,omitempty"`
	Exchanges int           `json:"exchanges"`
	Took      time.Duration `json:"took_ns"`
}

// Breach tells how the deployment breaks the contract. Cause names the demand of the contract and is
// the same for like breaches. Seen is the observation; it is empty if Cause says it.
type Breach struct {
	Cause string `json:"cause"`
	Seen  string `json:"seen,omitempty"`
}

func (b Breach) String() string {
	if b.Seen == "" {
		return b.Cause
	}
	return b.Cause + ": " + b.Seen
}

// Covered is a status that the contract declares for an operation, and how many answers had it.
type Covered struct {
	Operation string `json:"operation"`
	Status    int    `json:"status"`
	Answers   int    `json:"answers"`
	// LeftOut is the reason why no case could produce the status. A status without answers and
	// without a reason is a breach.
	LeftOut string `json:"left_out,omitempty"`
}

// Breach returns the breach of a status that no case produced, or "".
func (c Covered) Breach() string {
	if c.Answers > 0 || c.LeftOut != "" {
		return ""
	}
	return fmt.Sprintf(
		"no answer had status %d, which the contract declares for %s",
		c.Status,
		c.Operation,
	)
}

// Counts returns how many cases were kept, broken and left out. A status that no case produced
// counts as broken.
func (r *Report) Counts() (kept, broken, left int) {
	for _, result := range r.Results {
		switch {
		case result.LeftOut != "":
			left++
		case len(result.Breaches) > 0:
			broken++
		default:
			kept++
		}
	}
	for _, c := range r.Coverage {
		if c.Breach() != "" {
			broken++
		}
	}
	return kept, broken, left
}

// Kept reports whether the deployment keeps the contract.
func (r *Report) Kept() bool {
	_, broken, _ := r.Counts()
	return broken == 0
}

// Group is a cause, or a reason for leaving cases out, with the cases that have it.
type Group struct {
	Cause string
	Cases []string // names, each once
	Seen  string   // in the first of the cases
}

// Causes returns the breaches grouped by cause, the cause with the most cases first.
func (r *Report) Causes() []Group {
	var all []Group
	for _, result := range r.Results {
		for _, b := range result.Breaches {
			all = add(all, b.Cause, result.Name, b.Seen)
		}
	}
	for _, c := range r.Coverage {
		if breach := c.Breach(); breach != "" {
			all = add(all, breach, c.Operation, "")
		}
	}
	return mostFirst(all)
}

// LeftOut returns the cases that were left out, grouped by reason.
func (r *Report) LeftOut() []Group {
	var all []Group
	for _, result := range r.Results {
		if result.LeftOut != "" {
			all = add(all, result.LeftOut, result.Name, "")
		}
	}
	return mostFirst(all)
}

func add(all []Group, cause, name, seen string) []Group {
	at := slices.IndexFunc(all, func(g Group) bool { return g.Cause == cause })
	if at < 0 {
		return append(all, Group{cause, []string{name}, seen})
	}
	if names := all[at].Cases; names[len(names)-1] != name {
		all[at].Cases = append(names, name)
	}
	return all
}

func mostFirst(all []Group) []Group {
	slices.SortStableFunc(
		all,
		func(a, b Group) int { return cmp.Compare(len(b.Cases), len(a.Cases)) },
	)
	return all
}

// WriteJSON writes the whole report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// looksLikeToken matches JWTs, whole or in part, and any other long run of token characters.
var looksLikeToken = regexp.MustCompile(
	`eyJ[A-Za-z0-9_\-.=+/]*|[A-Za-z0-9_\-]{40,}|[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*`,
)

// scrub removes tokens from a text and makes it short enough for a report.
func scrub(text string) string {
	if len(text) > 4096 {
		text = text[:4096]
	}
	text = looksLikeToken.ReplaceAllString(text, "<token>")
	if runes := []rune(text); len(runes) > 600 {
		text = string(runes[:600]) + " …"
	}
	return text
}

// excerpt returns the beginning of a body without any token.
func excerpt(body []byte) string {
	if len(body) == 0 {
		return "there is no body"
	}
	if len(body) > 4096 {
		body = body[:4096]
	}
	text := []rune(scrub(fmt.Sprintf("%q", body)))
	if len(text) > 300 {
		text = append(text[:300], []rune(" …")...)
	}
	return "the body is " + string(text)
}
