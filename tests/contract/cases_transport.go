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
		Causes: []string{"the body must be at most 16384 bytes"},
	}
}

// padded is an acceptable body of exactly size bytes.
func (r *Run) padded(size int) string {
	body := bodyWith(r.sketch().sign(), "10")
	return body + strings.Repeat(" ", size-len(body))
}

func transportCases() []Case {
	all := []Case{
		size("16 KiB declared", "A body of exactly 16 KiB is accepted.", maxBody, false, Want{Status: http.StatusOK}),
		size("16 KiB chunked", "A body of exactly 16 KiB without a declared length is accepted.", maxBody, true, Want{Status: http.StatusOK}),
		size("16 KiB and a byte, declared", "A body over 16 KiB is refused.", maxBody+1, false, tooLarge()),
		size("16 KiB and a byte, chunked", "A body over 16 KiB without a declared length is refused.", maxBody+1, true, tooLarge()),
		size("64 KiB declared", "A body far over 16 KiB is refused.", 64<<10, false, tooLarge()),
		size("64 KiB chunked", "A body far over 16 KiB without a declared length is refused.", 64<<10, true, tooLarge()),
		{
			Name: "refreshToken/size/before it is sent", Exact: true,
			Rule: "With Expect: 100-continue a body of 1 MiB is refused before it is sent.",
			Run: func(r *Run) {
				q := refreshRequest(r.padded(1 << 20))
				q.Header.Set("Expect", "100-continue")
				r.Send(q, tooLarge())
			},
		},
	}
	for name, media := range map[string]string{
		"application/json; charset=utf-8": "The parameter charset=utf-8 is accepted.",
		"Application/JSON":                "Media types are not case-sensitive (RFC 9110 section 8.3.1).",
	} {
		all = append(all, Case{Name: "refreshToken/media type/" + name, Rule: media, Produces: http.StatusOK, Run: func(r *Run) {
			q := refreshRequest(bodyWith(r.sketch().sign(), "10"))
			q.Header.Set("Content-Type", name)
			r.Send(q, Want{Status: http.StatusOK})
		}})
	}
	return append(all, mediaTypeCases()...)
}

func size(name, rule string, bytes int, chunked bool, want Want) Case {
	want.Silent = sizeInWords
	return Case{Name: "refreshToken/size/" + name, Rule: rule, Produces: want.Status, Run: func(r *Run) {
		q := refreshRequest(r.padded(bytes))
		q.Chunked = chunked
		r.Send(q, want)
	}}
}

func mediaTypeCases() []Case {
	var all []Case
	for _, m := range []struct{ name, rule, silent string }{
		{name: "", rule: "A body without Content-Type is refused."},
		{name: "text/plain", rule: "text/plain is refused: a browser may send it without asking."},
		{name: "application/x-www-form-urlencoded", rule: "A form is refused."},
		{name: "multipart/form-data; boundary=x", rule: "A form is refused."},
		{name: "application/xml", rule: "XML is refused."},
		{name: "application/jsonx", rule: "The media type must be exactly application/json."},
		{name: "application/json-patch+json", rule: "The media type must be exactly application/json."},
		{name: "application", rule: "Half a media type is refused."},
		{name: "application/json; charset=iso-8859-1", rule: "JSON is UTF-8; another charset is refused.", silent: "the document does not see parameters of a media type"},
	} {
		name := m.name
		if name == "" {
			name = "missing"
		}
		all = append(all, Case{Name: "refreshToken/media type/" + name, Rule: m.rule, Produces: http.StatusUnsupportedMediaType, Run: func(r *Run) {
			q := refreshRequest(bodyWith(r.sketch().sign(), "10"))
			q.Header.Set("Content-Type", m.name)
			if m.name == "" {
				q.Header.Del("Content-Type")
			}
			r.Send(q, Want{
				Status: http.StatusUnsupportedMediaType, Kind: "unsupported_media_type", Message: "Media type is not supported",
				Causes: []string{"Content-Type: must be application/json"}, Silent: m.silent,
			})
		}})
	}
	return append(all, Case{
		Name: "refreshToken/media type/compressed", Exact: true,
		Rule: "A compressed body is refused: its real size cannot be known.",
		Run: func(r *Run) {
			q := refreshRequest(bodyWith(r.sketch().sign(), "10"))
			q.Header.Set("Content-Encoding", "gzip")
			r.Send(q, Want{
				Status: http.StatusUnsupportedMediaType, Kind: "unsupported_media_type", Message: "Media type is not supported",
				Causes: []string{"Content-Encoding: must be absent; send the JSON as it is"}, Silent: "the document does not name Content-Encoding",
			})
		},
	})
}
