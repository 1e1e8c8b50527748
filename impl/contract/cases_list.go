package contract

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// page is a page of the list of revocations.
type page struct {
	Revocations []revocation `json:"revocations"`
	Next        *int64       `json:"next"`
}

// listed asks for a page that must be answered.
func (r *Run) listed(query string) page {
	a := r.send(get(revocationsPath, query, r.administrator()), ok())
	var p page
	if a.Status == http.StatusOK && json.Unmarshal(a.Body, &p) != nil {
		r.breach("a page of revocations must be JSON", "%s", excerpt(a.Body))
	}
	return p
}

func listCases() []Case {
	list := func(name, rule string, run func(*Run)) Case {
		return Case{
			Name:     "listRevocations/page/" + name,
			Rule:     rule,
			Produces: http.StatusOK,
			Run:      run,
		}
	}
	all := []Case{
		list(
			"newest first",
			"The newest revocation comes first, and next leads to the next page.",
			(*Run).newestFirst,
		),
		list("logout", "A logout is listed with its session and the reason logout.", func(r *Run) {
			r.revoke(r.sketch().sign())
			logout := func(o revocation) bool { return len(o.Session) == 64 && o.Reason == "logout" }
			if !slices.ContainsFunc(r.listed("").Revocations, logout) {
				r.breach("a logout must be listed", "the newest page has none")
			}
		}),
		list("largest", "A page may have up to 1000 revocations.",
			func(r *Run) { r.listed("limit=1000&before=9007199254740992") }),
		list(
			"nothing left",
			"Before the first revocation there is an empty page without next.",
			func(r *Run) {
				a := r.send(get(revocationsPath, "before=1", r.administrator()), ok())
				if strings.TrimSpace(string(a.Body)) != `{"revocations":[]}` {
					r.breach(
						"the page before the first revocation must be empty",
						"%s",
						excerpt(a.Body),
					)
				}
			},
		),
		list("walk", "Pages skip nothing and repeat nothing.", func(r *Run) {
			var made []int64
			for range 5 {
				made = append(made, r.endAll(newIdentity()).Sequence)
			}
			r.walk(made)
		}),
		list("default", "Without limit a page has at most 100 revocations.", func(r *Run) {
			if n := len(r.listed("").Revocations); n > 100 {
				r.breach("a page without limit must have at most 100 revocations", "it has %d", n)
			}
		}),
	}
	for _, query := range []string{
		"limit=0", "limit=1001", "limit=-1", "limit=ten", "limit=10.5", "limit=4294967297",
		"before=0", "before=-1", "before=x",
	} {
		all = append(all, Case{
			Name:     "listRevocations/parameter/" + query,
			Rule:     "A parameter out of its range is rejected.",
			Produces: http.StatusBadRequest,
			Run:      func(r *Run) { r.send(get(revocationsPath, query, r.administrator()), badRequest()) },
		})
	}
	return all
}

func (r *Run) newestFirst() {
	older, newer := r.endAll(newIdentity()), r.endAll(newIdentity())
	if newer.Sequence <= older.Sequence {
		r.breach("a later revocation must have a higher sequence",
			"it has %d, the earlier one %d", newer.Sequence, older.Sequence)
	}
	p := r.listed("limit=1&before=" + number(newer.Sequence+1))
	if len(p.Revocations) != 1 || p.Revocations[0].Sequence != newer.Sequence || p.Next == nil {
		r.breach("a page must begin with the newest revocation and have next", "it is %+v", p)
		return
	}
	p = r.listed("before=" + number(*p.Next))
	if !slices.ContainsFunc(
		p.Revocations,
		func(o revocation) bool { return o.Sequence == older.Sequence },
	) {
		r.breach(
			"the next page must have the earlier revocation",
			"sequence %d is missing",
			older.Sequence,
		)
	}
}

// walk goes through pages of two until all sequences of made have come, the last first.
func (r *Run) walk(made []int64) {
	last, query := int64(1<<62), "limit=2"
	for range 100 {
		p := r.listed(query)
		for _, one := range p.Revocations {
			if one.Sequence >= last {
				r.breach(
					"sequences must fall from page to page",
					"%d follows %d",
					one.Sequence,
					last,
				)
			}
			last = one.Sequence
			if n := len(made); n > 0 && one.Sequence == made[n-1] {
				made = made[:n-1]
			}
		}
		if len(made) == 0 {
			return
		}
		if p.Next == nil || len(p.Revocations) != 2 {
			break
		}
		query = "limit=2&before=" + number(*p.Next)
	}
	r.breach("the pages must have every revocation", "%d are missing", len(made))
}
