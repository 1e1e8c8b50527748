package contract

import (
	"net/http"
	"strings"
)

const maxBody = 16 << 10

const sizeInWords = "the size of a body is stated in words only"

func tooLarge() Want {
	return Want{
		Status: http.StatusRequestEntityTooLarge, Kind: "too_large", Message: "Request is too large",
		Causes: []string{"the body must be at most 16384 bytes"}, Silent: sizeInWords,
	}
}

// transportCases hold for every operation that takes a body.
func transportCases() []Case {
	var all []Case
	for _, o := range operations() {
		accepted := Want{Status: o.success}
		all = append(all,
			o.sized("16 KiB declared", "A body of exactly 16 KiB is accepted.", maxBody, false, accepted),
			o.sized("16 KiB chunked", "A body of exactly 16 KiB without a declared length is accepted.", maxBody, true, accepted),
			o.sized("16 KiB and a byte, declared", "A body over 16 KiB is refused.", maxBody+1, false, tooLarge()),
			o.sized("16 KiB and a byte, chunked", "A body over 16 KiB without a declared length is refused.", maxBody+1, true, tooLarge()),
			o.sized("64 KiB declared", "A body far over 16 KiB is refused.", 64<<10, false, tooLarge()),
			o.sized("64 KiB chunked", "A body far over 16 KiB without a declared length is refused.", 64<<10, true, tooLarge()),
			o.beforeItIsSent(),
			o.mediaType("application/json; charset=utf-8", "The parameter charset=utf-8 is accepted.", accepted),
			o.mediaType("Application/JSON", "Media types are not case-sensitive (RFC 9110 section 8.3.1).", accepted),
			o.compressed(),
		)
		all = append(all, o.otherMediaTypes()...)
	}
	return all
}

// sized sends an acceptable body that is padded to a size in bytes.
func (o operation) sized(name, rule string, size int, chunked bool, want Want) Case {
	return Case{Name: o.id + "/size/" + name, Rule: rule, Produces: want.Status, Run: func(r *Run) {
		q := o.padded(r, size)
		q.Chunked = chunked
		r.Send(q, want)
	}}
}

func (o operation) padded(r *Run, size int) Request {
	body := o.members(r).String()
	return o.request(r, body+strings.Repeat(" ", size-len(body)))
}

func (o operation) beforeItIsSent() Case {
	return Case{
		Name: o.id + "/size/before it is sent", Exact: true,
		Rule: "With Expect: 100-continue a body of 1 MiB is refused before it is sent.",
		Run: func(r *Run) {
			q := o.padded(r, 1<<20)
			q.Header.Set("Expect", "100-continue")
			if r.Send(q, tooLarge()).Continued {
				r.Breach("the server asked for the body first")
			}
		},
	}
}

func (o operation) mediaType(name, rule string, want Want) Case {
	return Case{Name: o.id + "/media type/" + name, Rule: rule, Produces: want.Status, Run: func(r *Run) {
		q := o.acceptable(r)
		q.Header.Set("Content-Type", name)
		if name == missing {
			q.Header.Del("Content-Type")
		}
		r.Send(q, want)
	}}
}

const missing = "missing"

func wrongMedia(cause, silent string) Want {
	return Want{
		Status: http.StatusUnsupportedMediaType, Kind: "unsupported_media_type", Message: "Media type is not supported",
		Causes: []string{cause}, Silent: silent,
	}
}

func (o operation) otherMediaTypes() []Case {
	var all []Case
	for _, m := range []struct{ name, rule, silent string }{
		{name: missing, rule: "A body without Content-Type is refused."},
		{name: "text/plain", rule: "text/plain is refused: a browser may send it without asking."},
		{name: "application/x-www-form-urlencoded", rule: "A form is refused."},
		{name: "multipart/form-data; boundary=x", rule: "A form is refused."},
		{name: "application/xml", rule: "XML is refused."},
		{name: "application/jsonx", rule: "The media type must be exactly application/json."},
		{name: "application/json-patch+json", rule: "The media type must be exactly application/json."},
		{name: "application", rule: "Half a media type is refused."},
		{name: "application/json; charset=iso-8859-1", rule: "JSON is UTF-8; another charset is refused.", silent: "the document does not see parameters of a media type"},
	} {
		cause := "Content-Type: must be application/json"
		if m.silent != "" {
			cause += "; its charset can only be utf-8"
		}
		all = append(all, o.mediaType(m.name, m.rule, wrongMedia(cause, m.silent)))
	}
	return all
}

func (o operation) compressed() Case {
	return Case{
		Name: o.id + "/media type/compressed", Exact: true,
		Rule: "A compressed body is refused: its real size cannot be known.",
		Run: func(r *Run) {
			q := o.acceptable(r)
			q.Header.Set("Content-Encoding", "gzip")
			r.Send(q, wrongMedia("Content-Encoding: must be absent; send the JSON as it is", "the document does not name Content-Encoding"))
		},
	}
}
