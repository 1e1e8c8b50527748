package contract

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"time"
)

// Report is what a run found. It holds no token and no secret.
type Report struct {
	URL      string        `json:"url"`
	Exact    bool          `json:"exact"`
	Started  time.Time     `json:"started"`
	Took     time.Duration `json:"took_ns"`
	Results  []Result      `json:"results"`
	Coverage []Covered     `json:"coverage"`
}

// Result is the outcome of one case: kept, broken, or left out with a reason.
type Result struct {
	Name      string        `json:"name"`
	Rule      string        `json:"rule"`
	Breaches  []string      `json:"breaches,omitempty"`
	LeftOut   string        `json:"left_out,omitempty"`
	Exchanges int           `json:"exchanges"`
	Took      time.Duration `json:"took_ns"`
}

// Covered is one status that the contract declares for an operation, and how many answers had it.
type Covered struct {
	Operation string `json:"operation"`
	Status    int    `json:"status"`
	Answers   int    `json:"answers"`
	// LeftOut says why the status was not to be had. A status without answers and without a reason is a breach.
	LeftOut string `json:"left_out,omitempty"`
}

// Breach says what is wrong with the coverage of a status, or "".
func (c Covered) Breach() string {
	if c.Answers > 0 || c.LeftOut != "" {
		return ""
	}
	return fmt.Sprintf("no case produced status %d, which the contract declares for %s", c.Status, c.Operation)
}

// Counts are the cases that were kept, broken and left out; a status that no case produced counts as broken.
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

// WriteJSON writes the whole report as one JSON object.
func (r *Report) WriteJSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// looksLikeToken matches JWTs, whole or in part, and any other long run of token characters.
var looksLikeToken = regexp.MustCompile(`eyJ[A-Za-z0-9_\-.=+/]*|[A-Za-z0-9_\-]{40,}|[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]*`)

// scrub takes tokens out of a text and makes it short enough for a report.
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

// excerpt shows the beginning of a body without any token in it.
func excerpt(body []byte) string {
	if len(body) == 0 {
		return "no body"
	}
	if len(body) > 4096 {
		body = body[:4096]
	}
	text := []rune(scrub(fmt.Sprintf("%q", body)))
	if len(text) > 300 {
		text = append(text[:300], []rune(" …")...)
	}
	return "body " + string(text)
}
