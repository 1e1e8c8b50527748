package contract

import (
	"net/http"
	"strings"
)

// oauthOperation is an OAuth operation that takes a form.
type oauthOperation struct {
	id, path string
	// acceptable returns a request that must be accepted, another one each time.
	acceptable func(r *Run) Request
	left       func(Target) string
	required   string // the name of the parameter that must be there
}

// oauthCommon returns the cases that hold for every OAuth operation that takes a form.
func oauthCommon(o oauthOperation) []Case {
	const mediaCause = "Content-Type: must be " + formType
	all := []Case{
		o.produces("size/16 KiB", "A form of exactly 16 KiB is accepted.", ok(),
			func(r *Run) Request { return padded(o.acceptable(r), maxBody) }),
		o.produces("size/16 KiB and a byte", "A form over 16 KiB is rejected.", tooLarge(),
			func(r *Run) Request { return padded(o.acceptable(r), maxBody+1) }),
		o.produces("media type/charset", "The parameter charset=utf-8 is accepted.", ok(),
			func(r *Run) Request {
				q := o.acceptable(r)
				q.Header.Set("Content-Type", formType+"; charset=UTF-8")
				return q
			}),
		o.produces("media type/JSON", "JSON is rejected.", unsupported(mediaCause),
			func(r *Run) Request {
				q := o.acceptable(r)
				q.Header.Set("Content-Type", "application/json")
				return q
			}),
		o.produces("form/none", "A request without a form is rejected.",
			missingParameter(o.required+": is required"),
			func(r *Run) Request {
				q := o.acceptable(r)
				q.Body = nil
				return q
			}),
		o.produces("form/malformed", "A form that cannot be parsed is rejected.",
			invalidOAuth("body: must be name=value pairs with & between them; "+
				"write % as %25 and ; as %3B"),
			func(r *Run) Request {
				q := o.acceptable(r)
				q.Body = append(q.Body, "&a=%"...)
				return q
			}),
	}
	for _, c := range failures(o.id, o.acceptable) {
		c.Left = o.left
		all = append(all, c)
	}
	return all
}

func (o oauthOperation) produces(name, rule string, want Want, request func(*Run) Request) Case {
	return Case{
		Name:     o.id + "/" + name,
		Rule:     rule,
		Left:     o.left,
		Produces: want.Status,
		Run:      func(r *Run) { r.send(request(r), want) },
	}
}

// padded appends an unknown parameter until the form has a size in bytes.
func padded(q Request, size int) Request {
	const parameter = "&padding="
	q.Body = append(q.Body, parameter+strings.Repeat("a", size-len(q.Body)-len(parameter))...)
	return q
}

// offCases: an operation that is off names the setting.
func offCases() []Case {
	off := func(id string, left func(Target) string, request func() Request) Case {
		return Case{
			Name:     id + "/off/names the setting",
			Rule:     "An operation that is switched off is 501, and the cause names the setting.",
			Left:     left,
			Produces: http.StatusNotImplemented,
			Run: func(r *Run) {
				a := r.send(request(), notEnabled())
				if len(a.envelope().Causes) != 1 {
					r.breach("a 501 must have one cause", "%s", excerpt(a.Body))
				}
			},
		}
	}
	return []Case{
		off("browserLogin", needsNoBrowser, func() Request { return browserLogin("a") }),
		off("browserRefresh", needsNoBrowser, func() Request {
			q := refreshRequest("{}")
			q.Path = browserRefreshPath
			return q
		}),
		off("browserLogout", needsNoBrowser, func() Request {
			return Request{Method: http.MethodPost, Path: browserLogoutPath}
		}),
		off("oauthToken", needsNoOAuth, func() Request { return oauthRefresh("a") }),
		off("oauthRevoke", needsNoOAuth, func() Request { return form(oauthRevokePath, "token", "a") }),
		off("oauthIntrospect", needsNoCredential, func() Request {
			return form(oauthIntrospectPath, "token", "a")
		}),
		off("oauthMetadata", needsNoMetadata, func() Request {
			return Request{Method: http.MethodGet, Path: oauthMetadataPath}
		}),
	}
}
