package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// asset is an embedded file. It is loaded, hashed, compressed and unpacked at the first request
// that needs it: for all files together this would take half of the time that the program takes to
// start, and most servers are asked for few of them.
type asset struct {
	mediaType string
	policy    string // Content-Security-Policy
	status    int
	etag      func() string
	plain     func() []byte
	zipped    func() []byte
}

// newAsset returns the embedded file name. If the name ends in .gz, the file is already compressed.
// If edit is not nil, it changes the text of the file.
func newAsset(name, policy string, edit func(string) string) *asset {
	return assetOf(name, policy, func() []byte { return load(name, edit) })
}

// assetOf returns an asset whose content comes from content, which is called at most once.
func assetOf(name, policy string, content func() []byte) *asset {
	stored := sync.OnceValue(content)
	a := &asset{
		mediaType: mediaType(strings.TrimSuffix(name, ".gz")),
		policy:    policy,
		status:    http.StatusOK,
		etag:      sync.OnceValue(func() string { return ETag(stored()) }),
	}
	if strings.HasSuffix(name, ".gz") {
		a.zipped, a.plain = stored, sync.OnceValue(func() []byte { return unpack(stored()) })
	} else {
		a.plain, a.zipped = stored, sync.OnceValue(func() []byte { return compress(stored()) })
	}
	return a
}

// load panics if the file is not embedded. A test loads every file.
func load(name string, edit func(string) string) []byte {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	if edit != nil {
		data = []byte(edit(string(data)))
	}
	return data
}

// withoutComments returns a script without the comments that stand on lines of their own, which make
// a fifth of its compressed size. session.d.ts describes every option.
func withoutComments(script string) string {
	var kept strings.Builder
	inComment := false
	for line := range strings.Lines(script) {
		text := strings.TrimSpace(line)
		starts := strings.HasPrefix(text, "/**")
		switch {
		case starts || inComment:
			inComment = !strings.HasSuffix(text, "*/")
		case !strings.HasPrefix(text, "//"):
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func compress(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(data) // writing to a buffer cannot fail
	_ = w.Close()
	return out.Bytes()
}

// unpack panics if data is not a gzip file. A test unpacks every file.
func unpack(data []byte) []byte {
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		panic(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return plain
}

// mediaType returns the media type of a file. It does not use package mime, which reads tables that
// differ from machine to machine.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	default: // package mime takes .ts for a video
		return "text/plain; charset=utf-8"
	}
}

// ServeHTTP answers GET and HEAD. If the client has this version of the file, the answer is 304.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	protect(h, a.policy)
	h.Set("Cache-Control", "no-cache") // browsers revalidate each time, and see a new version
	h.Set("Vary", "Accept-Encoding")
	if a.status == http.StatusOK {
		h.Set("ETag", a.etag())
		// Pages of other origins may import session.js and read its types. No file is private.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if Matches(r.Header.Get("If-None-Match"), a.etag()) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	body := a.plain
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		h.Set("Content-Encoding", "gzip")
		body = a.zipped
	}
	h.Set("Content-Type", a.mediaType)
	h.Set("Content-Length", strconv.Itoa(len(body())))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body()) // an error means that the client has closed the connection
	}
}

// protect sets the security headers of every answer.
func protect(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// ETag returns a strong entity tag for a body (RFC 9110, section 8.8.3).
func ETag(body []byte) string {
	hash := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(hash[:16]) + `"`
}

// Matches reports whether the value of If-None-Match names etag (RFC 9110, section 13.1.2). A weak
// tag matches too, because proxies that compress an answer make its tag weak.
func Matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// acceptsGzip reports whether the value of Accept-Encoding allows gzip (RFC 9110, section 12.5.3).
func acceptsGzip(header string) bool {
	for coding := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if !strings.EqualFold(strings.TrimSpace(name), "gzip") {
			continue
		}
		_, q, found := strings.Cut(weight, "=")
		value, err := strconv.ParseFloat(strings.TrimSpace(q), 64)
		return !found || (err == nil && value > 0)
	}
	return false
}
