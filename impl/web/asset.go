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

// asset is an embedded file, kept compressed and revalidated by its hash.
type asset struct {
	mediaType string
	policy    string
	status    int
	content   func() content
}

type content struct {
	etag   string
	zipped []byte
}

// newAsset is the embedded file name, which may be compressed already (.gz). It is read and compressed when it is first asked for: all of
// them together would take half of the program's start, and most servers are asked for few.
func newAsset(name, policy string, edit func(string) string) *asset {
	return &asset{
		mediaType: mediaType(strings.TrimSuffix(name, ".gz")), policy: policy, status: http.StatusOK,
		content: sync.OnceValue(func() content { return read(name, edit) }),
	}
}

// read panics if the file is not embedded, which a test excludes.
func read(name string, edit func(string) string) content {
	data, err := files.ReadFile(name)
	if err != nil {
		panic(err)
	}
	if edit != nil {
		data = []byte(edit(string(data)))
	}
	hash := sha256.Sum256(data)
	c := content{etag: `"` + base64.RawURLEncoding.EncodeToString(hash[:12]) + `"`, zipped: data}
	if !strings.HasSuffix(name, ".gz") {
		c.zipped = zip(data)
	}
	return c
}

func zip(data []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(data) // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}

// mediaType does not ask the machine's tables, which differ.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	default: // .ts would be a video
		return "text/plain; charset=utf-8"
	}
}

func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := a.content()
	h := w.Header()
	protect(h, a.policy)
	h.Set("Cache-Control", "no-cache") // ask whether the ETag still holds: a new version is seen at once
	h.Set("Vary", "Accept-Encoding")
	if a.status == http.StatusOK {
		h.Set("ETag", c.etag)
		// Front ends on other origins may import session.js and read the types. There is nothing private in these files.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if Matches(r.Header.Get("If-None-Match"), c.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", a.mediaType)
	a.write(w, r, c.zipped)
}

func (a *asset) write(w http.ResponseWriter, r *http.Request, zipped []byte) {
	body := io.Reader(bytes.NewReader(zipped))
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(zipped)))
	} else if plain, err := gzip.NewReader(body); err == nil {
		body = plain
	}
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, body) // the client has gone: nobody is left to tell
	}
}

// protect sets the headers that every page has.
func protect(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
}

// Matches reads If-None-Match (RFC 9110, section 13.1.2), weak tags included: proxies that compress make them weak.
func Matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// acceptsGzip reads Accept-Encoding (RFC 9110, section 12.5.3).
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
