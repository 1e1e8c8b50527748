package contract

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// failureCases need a deployment with a fault.
func failureCases() []Case {
	all := []Case{
		{
			Name:     "refreshToken/failure/expired while the store is away",
			Broken:   StoreUnavailable,
			Produces: http.StatusMisdirectedRequest,
			Rule:     "If a token has expired or is malformed, the answer does not depend on the store.",
			Run: func(r *Run) {
				past := r.sketch().claim("exp", number(longAgo)).sign()
				r.send(refreshRequest(bodyWith(past, "")), expired())
				r.send(refreshRequest(bodyWith("hello", "")), refused(malformed))
			},
		},
		failsItself("getJwks", func(*Run) Request { return keysRequest() }),
		limits("getJwks", func(*Run) Request { return keysRequest() }),
		starts("getJwks", keysRequest()),
		limits("oauthMetadata", func(*Run) Request { return metadataRequest() }),
		starts("oauthMetadata", metadataRequest()),
	}
	for _, o := range withBody() {
		all = append(all, failures(o.id, o.acceptable)...)
	}
	revocations := func(r *Run) Request { return get(revocationsPath, "", r.administrator()) }
	sessions := func(r *Run) Request { return get(sessionsPath, "", r.owner(r.identity)) }
	end := func(r *Run) Request { return endSession(r.owner(r.identity), strings.Repeat("a", 64)) }
	all = append(all, failures("listRevocations", revocations)...)
	all = append(all, failures("listSessions", sessions)...)
	return append(all, failures("endSession", end)...)
}

func failures(operation string, request func(*Run) Request) []Case {
	all := []Case{
		failsItself(operation, request),
		{
			Name:     operation + "/failure/store away",
			Broken:   StoreUnavailable,
			Produces: http.StatusServiceUnavailable,
			Rule: "If the server cannot read which sessions are revoked, it answers 503 with Retry-After: " +
				"no user is logged out.",
			Run: func(r *Run) {
				a := r.send(request(r), unavailable())
				r.retriesAfter(a, 1<<31)
				r.showsNoInsides(a)
			},
		},
	}
	// The rate limit is for clients, not for APIs and gateways.
	forAPIs := []string{
		"oauthIntrospect", "authenticate", "authenticateFresh", "authenticateAdmin", "readFeed",
	}
	if !slices.Contains(forAPIs, operation) {
		all = append(all, limits(operation, request))
	}
	return all
}

// retriesAfter checks the header Retry-After.
func (r *Run) retriesAfter(a Answer, most int) {
	after := a.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err != nil || seconds < 1 || seconds > most {
		r.breach(
			"a 429 or 503 must have a Retry-After of at least a second",
			"it is %q, want 1 to %d",
			after,
			most,
		)
	}
}

func failsItself(operation string, request func(*Run) Request) Case {
	return Case{
		Name:     operation + "/failure/server's own fault",
		Broken:   ClockFails,
		Produces: http.StatusInternalServerError,
		Rule:     "A failure of the server is a 500 that shows nothing of its insides.",
		Run:      func(r *Run) { r.showsNoInsides(r.send(request(r), internal())) },
	}
}

// starts returns a case for an operation that does not need the store.
func starts(operation string, request Request) Case {
	return Case{
		Name:     operation + "/failure/server starts",
		Broken:   Starting,
		Produces: http.StatusServiceUnavailable,
		Rule:     "While the server waits for its store, it answers 503 with Retry-After.",
		Run:      func(r *Run) { r.retriesAfter(r.send(request, starting()), 1<<31) },
	}
}

func limits(operation string, request func(*Run) Request) Case {
	return Case{
		Name:     operation + "/failure/rate limit",
		Broken:   RateLimited,
		Produces: http.StatusTooManyRequests,
		Rule: "If a client sends too many requests, it receives 429 with Retry-After: no user is " +
			"logged out.",
		Run: func(r *Run) {
			_, _ = r.exchange(request(r)) // the one that is allowed
			r.retriesAfter(r.send(request(r), limited()), 1<<31)
		},
	}
}

func (r *Run) showsNoInsides(a Answer) {
	for _, inside := range []string{"goroutine", ".go:", "sql", "panic", string(ClockFails)} {
		if strings.Contains(string(a.Body), inside) {
			r.breach("an error must show nothing of the server's insides", "it shows %q", inside)
		}
	}
}
