package contract

import (
	"net/http"
	"strings"
)

const maxBody = 16 << 10

// transportCases hold for every operation that takes a body.
func transportCases() []Case {
	var all []Case
	for _, o := range withBody() {
		accepted := Want{Status: o.success}
		all = append(
			all,
			o.sized(
				"16 KiB declared",
				"A body of exactly 16 KiB is accepted.",
				maxBody,
				false,
				accepted,
			),
			o.sized(
				"16 KiB chunked",
				"A chunked body of exactly 16 KiB is accepted.",
				maxBody,
				true,
				accepted,
			),
			o.sized(
				"16 KiB and a byte, declared",
				"A body over 16 KiB is rejected.",
				maxBody+1,
				false,
				tooLarge(),
			),
			o.sized(
				"16 KiB and a byte, chunked",
				"A chunked body over 16 KiB is rejected.",
				maxBody+1,
				true,
				tooLarge(),
			),
			o.sized(
				"64 KiB declared",
				"A body far over 16 KiB is rejected.",
				64<<10,
				false,
				tooLarge(),
			),
			o.sized(
				"64 KiB chunked",
				"A chunked body far over 16 KiB is rejected.",
				64<<10,
				true,
				tooLarge(),
			),
			o.beforeItIsSent(),
			o.mediaType(
				"application/json; charset=utf-8",
				"The parameter charset=utf-8 is accepted.",
				accepted,
			),
			o.mediaType(
				"Application/JSON",
				"Media types are not case-sensitive (RFC 9110 section 8.3.1).",
				accepted,
			),
			o.compressed(),
		)
		all = append(all, o.otherMediaTypes()...)
	}
	return all
}

// sized sends an acceptable body that is padded to a size in bytes.
func (o operation) sized(name, rule string, size int, chunked bool, want Want) Case {
	return Case{
		Name:     o.id + "/size/" + name,
		Rule:     rule,
		Produces: want.Status,
		Run: func(r *Run) {
			q := o.padded(r, size)
			q.Chunked = chunked
			r.send(q, want)
		},
	}
}

func (o operation) padded(r *Run, size int) Request {
	body := o.members(r).String()
	return o.request(r, body+strings.Repeat(" ", size-len(body)))
}

func (o operation) beforeItIsSent() Case {
	return Case{
		Name:     o.id + "/size/before it is sent",
		Level:    LevelExact,
		Produces: http.StatusRequestEntityTooLarge,
		Rule:     "With Expect: 100-continue a body of 1 MiB is rejected before it is sent.",
		Run: func(r *Run) {
			q := o.padded(r, 1<<20)
			q.Header.Set("Expect", "100-continue")
			if r.send(q, tooLarge()).Continued {
				r.breach(
					"a body that is too large must be rejected before it is sent",
					"the server asked for it",
				)
			}
		},
	}
}

func (o operation) mediaType(name, rule string, want Want) Case {
	return Case{
		Name:     o.id + "/media type/" + name,
		Rule:     rule,
		Produces: want.Status,
		Run: func(r *Run) {
			q := o.acceptable(r)
			q.Header.Set("Content-Type", name)
			if name == missing {
				q.Header.Del("Content-Type")
			}
			r.send(q, want)
		},
	}
}

const missing = "missing"

func (o operation) otherMediaTypes() []Case {
	const form, exactly = "A form is rejected.", "The media type must be exactly application/json."
	want := unsupported("Content-Type: must be application/json")
	all := []Case{
		o.mediaType(
			"application/json; charset=iso-8859-1",
			"JSON is UTF-8. Another charset is rejected.",
			unsupported("Content-Type: must be application/json; its charset can only be utf-8").
				silently("the document does not see parameters of a media type"),
		),
	}
	for _, m := range [][2]string{
		{missing, "A body without Content-Type is rejected."},
		{"text/plain", "text/plain is rejected: a page of another origin may send it."},
		{"application/x-www-form-urlencoded", form},
		{"multipart/form-data; boundary=x", form},
		{"application/xml", "XML is rejected."},
		{"application/jsonx", exactly},
		{"application/json-patch+json", exactly},
		{"application", "Half a media type is rejected."},
	} {
		all = append(all, o.mediaType(m[0], m[1], want))
	}
	return all
}

func (o operation) compressed() Case {
	return Case{
		Name:     o.id + "/media type/compressed",
		Level:    LevelExact,
		Produces: http.StatusUnsupportedMediaType,
		Rule:     "A compressed body is rejected: its real size is not known.",
		Run: func(r *Run) {
			q := o.acceptable(r)
			q.Header.Set("Content-Encoding", "gzip")
			want := unsupported("Content-Encoding: must be absent; send the body as it is")
			r.send(q, want.silently("the document does not name Content-Encoding"))
		},
	}
}
