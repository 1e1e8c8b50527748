package fake

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Behaviours beside the statuses of refusals.
const (
	delay      = "delay"       // waits delay_ms, then behaves
	loseAnswer = "lose_answer" // does the work, then cuts the connection
	repeat     = "repeat"      // gives the last 200 of the path again, byte for byte
)

const (
	maxTimes   = 1_000_000
	maxDelayMS = 10 * 60 * 1000
)

// plan is how the next requests are answered.
type plan struct {
	Behaviour string `json:"behaviour"`
	// Times is how many requests it is for.
	Times int `json:"times"`
	// Path limits it to requests of one path; empty is any path of the contract.
	Path       string `json:"path,omitempty"`
	DelayMS    int    `json:"delay_ms,omitempty"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
	Cause      string `json:"cause,omitempty"`
}

// causes says what is wrong with a plan.
func (p plan) causes() []string {
	var causes []string
	if !slices.Contains(behaviours(), p.Behaviour) {
		causes = append(causes, "behaviour: must be one of "+strings.Join(behaviours(), ", "))
	}
	if p.Times < 1 || p.Times > maxTimes {
		causes = append(causes, "times: must be from 1 to 1000000")
	}
	if p.DelayMS < 0 || p.DelayMS > maxDelayMS {
		causes = append(causes, "delay_ms: must be from 0 to 600000")
	}
	if p.RetryAfter < 0 {
		causes = append(causes, "retry_after: must not be negative")
	}
	if p.Behaviour == delay && p.DelayMS == 0 {
		causes = append(causes, "delay_ms: is required for delay")
	}
	if p.Path != "" && !strings.HasPrefix(p.Path, "/api/") {
		causes = append(causes, "path: must begin with /api/")
	}
	return causes
}

func behaviours() []string {
	all := []string{delay, loseAnswer, repeat}
	for status := range refusals() {
		all = append(all, strconv.Itoa(status))
	}
	slices.Sort(all)
	return all
}

// setPlan implements PUT /fake/next: the plan replaces all others.
func (s *server) setPlan(w http.ResponseWriter, r *http.Request) { s.readPlan(w, r, true) }

// addPlan implements POST /fake/next: the plan follows the others.
func (s *server) addPlan(w http.ResponseWriter, r *http.Request) { s.readPlan(w, r, false) }

func (s *server) readPlan(w http.ResponseWriter, r *http.Request, replace bool) {
	p := plan{Times: 1}
	if !readJSON(w, r, &p) {
		return
	}
	if causes := p.causes(); causes != nil {
		badRequest(w, causes...)
		return
	}
	s.mu.Lock()
	if replace {
		s.plans = nil
	}
	s.plans = append(s.plans, p)
	s.mu.Unlock()
	s.state(w, r)
}

// takePlan uses up one time of the first plan for the path; the zero plan if there is none.
func (s *server) takePlan(path string) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.plans, func(p plan) bool { return p.Path == "" || p.Path == path })
	if at < 0 {
		return plan{}
	}
	p := s.plans[at]
	if s.plans[at].Times--; s.plans[at].Times == 0 {
		s.plans = slices.Delete(s.plans, at, at+1)
	}
	return p
}
