package contract

import (
	"net/http"
	"strconv"
	"strings"
)

// failureCases need a deployment that was broken on purpose.
func failureCases() []Case {
	all := []Case{
		{
			Name: "refreshToken/failure/expired while the store is away", Broken: StoreAway,
			Rule: "Whether a token has expired is told by the token alone, never by the store.",
			Run: func(r *Run) {
				r.Send(refreshRequest(bodyWith(r.sketch().claim("exp", "1611318219").sign(), "")), expired())
				r.Send(refreshRequest(bodyWith("hello", "")), refused(malformed))
			},
		},
	}
	for _, o := range operations() {
		all = append(all, failures(o.id, o.acceptable)...)
	}
	return append(all, failures("listRevocations", func(r *Run) Request { return r.list("") })...)
}

func failures(operation string, request func(*Run) Request) []Case {
	return []Case{
		{
			Name: operation + "/failure/server's own fault", Broken: ClockFails, Produces: http.StatusInternalServerError,
			Rule: "A failure of the server is a 500 envelope that tells nothing of its insides.",
			Run: func(r *Run) {
				a := r.Send(request(r), Want{
					Status: http.StatusInternalServerError, Kind: "internal", Message: "Something went wrong on our side", Causes: []string{},
				})
				r.showsNoInsides(a)
			},
		},
		{
			Name: operation + "/failure/store away", Broken: StoreAway, Produces: http.StatusServiceUnavailable,
			Rule: "When the server cannot know what is revoked, it answers 503 with Retry-After: nobody is logged out.",
			Run: func(r *Run) {
				a := r.Send(request(r), Want{
					Status: http.StatusServiceUnavailable, Kind: "unavailable", Message: "Try again soon",
					Causes: []string{"the session store is not available"},
				})
				if seconds, err := strconv.Atoi(a.Header.Get("Retry-After")); err != nil || seconds < 1 {
					r.Breach("Retry-After is %q, want a number of seconds", a.Header.Get("Retry-After"))
				}
				r.showsNoInsides(a)
			},
		},
	}
}

func (r *Run) showsNoInsides(a Answer) {
	for _, inside := range []string{"goroutine", ".go:", "sql", "panic", string(ClockFails)} {
		if strings.Contains(string(a.Body), inside) {
			r.Breach("the answer shows %q of the server's insides", inside)
		}
	}
}
