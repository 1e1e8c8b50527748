package fake

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The behaviours beside the statuses of refusals.
const (
	delay      = "delay"       // wait, then answer
	loseAnswer = "lose_answer" // execute the request, then close the connection
	truncate   = "truncate"    // execute the request, then send half of the answer
	repeat     = "repeat"      // send the last 200 of the path and identity again, byte for byte
	page       = "html"        // answer with an HTML page, as proxies do
	together   = "together"    // wait until all requests of the plan have come, then answer
)

// oauth is the path of the OAuth operations.
const oauth = "/oauth2/"

// browser is the path of the browser operations, which have the refresh token in a cookie.
const browser = "/api/v1/browser/"

const (
	maxTimes   = 1_000_000
	maxDelayMS = 10 * 60 * 1000
)

// plan says how the next requests are answered.
type plan struct {
	Behaviour behaviour `json:"behaviour"`
	// Times is the number of requests that the plan is for.
	Times int `json:"times"`
	// Path, Identity and Token limit the plan: to requests to a path, to requests with a token of
	// an identity, and to requests with one token.
	Path     string `json:"path,omitempty"`
	Identity string `json:"identity,omitempty"`
	Token    secret `json:"token,omitempty"`

	DelayMS    int    `json:"delay_ms,omitempty"`
	RetryAfter int    `json:"retry_after,omitempty"` // seconds
	Cause      string `json:"cause,omitempty"`
	Status     int    `json:"status,omitempty"` // of the behaviour html

	used chan struct{} // closed when the plan is used up or replaced
}

// behaviour is the name of a behaviour. In JSON a status may also be a number.
type behaviour string

// UnmarshalJSON accepts "421" and 421.
func (b *behaviour) UnmarshalJSON(data []byte) error {
	*b = behaviour(bytes.Trim(data, `"`))
	return nil
}

// secret is a token that is never shown.
type secret string

// MarshalJSON returns a text without any part of the token.
func (secret) MarshalJSON() ([]byte, error) { return []byte(`"(not shown)"`), nil }

// causes returns the mistakes in a plan whose behaviour must be one of known.
func (p plan) causes(known []string) []string {
	var causes []string
	if !slices.Contains(known, string(p.Behaviour)) {
		causes = append(causes, "behaviour: must be one of "+strings.Join(known, ", "))
	}
	if p.Times < 1 || p.Times > maxTimes {
		causes = append(causes, fmt.Sprintf("times: must be from 1 to %d", maxTimes))
	}
	if p.DelayMS < 0 || p.DelayMS > maxDelayMS {
		causes = append(causes, fmt.Sprintf("delay_ms: must be from 0 to %d", maxDelayMS))
	}
	if p.RetryAfter < 0 {
		causes = append(causes, "retry_after: must not be negative")
	}
	if p.Behaviour == delay && p.DelayMS == 0 {
		causes = append(causes, "delay_ms: is required for delay")
	}
	if p.Path != "" && !strings.HasPrefix(p.Path, "/api/") && !strings.HasPrefix(p.Path, oauth) {
		causes = append(causes, "path: must begin with /api/ or "+oauth)
	}
	if p.Status != 0 && (p.Behaviour != page || p.Status < 200 || p.Status > 599) {
		causes = append(causes, "status: must be from 200 to 599, and only for html")
	}
	return causes
}

// possible reports whether the real server can behave like this at the path. Of the OAuth
// operations, only /oauth2/token refuses a token that has expired or is not valid: a revocation of
// such a token is 200, and an introspection says that it is not active. The logout of a browser is
// always 204.
func (p plan) possible(path string) bool {
	status, err := strconv.Atoi(string(p.Behaviour))
	if err != nil || !final(status) {
		return true
	}
	return path != browser+"logout" && (!strings.HasPrefix(path, oauth) || path == oauth+"token")
}

func behaviours() []string {
	all := []string{delay, loseAnswer, truncate, repeat, page, together}
	for status := range refusals() {
		all = append(all, strconv.Itoa(status))
	}
	slices.Sort(all)
	return all
}

// readPlan reads the plan in the body of a request, whose behaviour must be one of known. If the plan
// has mistakes, readPlan answers 400 and returns false.
func readPlan(w http.ResponseWriter, r *http.Request, known []string) (plan, bool) {
	p := plan{Times: 1}
	if !readJSON(w, r, &p) {
		return p, false
	}
	if causes := p.causes(known); causes != nil {
		badRequest(w, causes...)
		return p, false
	}
	return p, true
}

// plans are the plans that are not used up, in the order in which they apply.
type plans []plan

// add puts a plan behind the others or, with PUT, in their place.
func (l *plans) add(method string, p plan) {
	if method == http.MethodPut {
		l.clear()
	}
	p.used = make(chan struct{})
	*l = append(*l, p)
}

// clear removes all plans. Requests that wait for others of their plan go on.
func (l *plans) clear() {
	for _, p := range *l {
		close(p.used)
	}
	*l = nil
}

// take returns the first plan that fits and counts its use. If no plan fits, it returns the zero
// plan.
func (l *plans) take(fits func(plan) bool) plan {
	all := *l
	at := slices.IndexFunc(all, fits)
	if at < 0 {
		return plan{}
	}
	p := all[at]
	if all[at].Times--; all[at].Times == 0 {
		close(p.used)
		*l = slices.Delete(all, at, at+1)
	}
	return p
}

// setPlan implements PUT and POST /fake/next.
func (s *server) setPlan(w http.ResponseWriter, r *http.Request) {
	p, ok := readPlan(w, r, behaviours())
	if !ok {
		return
	}
	s.mu.Lock()
	s.plans.add(r.Method, p)
	s.mu.Unlock()
	s.state(w, r)
}

// takePlan returns the first plan that fits the request and counts its use.
func (s *server) takePlan(path, token, identity string) plan {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.plans.take(func(p plan) bool {
		return p.possible(path) && (p.Path == "" || p.Path == path) &&
			(p.Identity == "" || p.Identity == identity) &&
			(p.Token == "" || string(p.Token) == token)
	})
}
