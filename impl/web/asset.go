package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// asset is an embedded file, kept compressed and revalidated by its hash.
type asset struct {
	mediaType string
	policy    string
	etag      string
	status    int
	zipped    []byte
}

// newAsset reads the embedded file name, which may be compressed already (.gz).
func newAsset(name, policy string, edit func(string) string) (*asset, error) {
	data, err := files.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("embedded file: %w", err)
	}
	a := &asset{policy: policy, status: http.StatusOK, zipped: data}
	name, zipped := strings.CutSuffix(name, ".gz")
	if edit != nil {
		data = []byte(edit(string(data)))
	}
	if !zipped {
		if a.zipped, err = zip(data); err != nil {
			return nil, fmt.Errorf("compress %s: %w", name, err)
		}
	}
	hash := sha256.Sum256(data)
	a.etag = `"` + base64.RawURLEncoding.EncodeToString(hash[:12]) + `"`
	a.mediaType = mediaType(name)
	return a, nil
}

func zip(data []byte) ([]byte, error) {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(data); err != nil {
		return nil, err
	}
	err := w.Close()
	return out.Bytes(), err
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
	h := w.Header()
	protect(h, a.policy)
	h.Set("Cache-Control", "no-cache") // ask whether the ETag still holds: a new version is seen at once
	h.Set("Vary", "Accept-Encoding")
	if a.status == http.StatusOK {
		h.Set("ETag", a.etag)
		// Front ends on other origins may import session.js and read the types. There is nothing private in these files.
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		if Matches(r.Header.Get("If-None-Match"), a.etag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", a.mediaType)
	a.write(w, r)
}

func (a *asset) write(w http.ResponseWriter, r *http.Request) {
	body := io.Reader(bytes.NewReader(a.zipped))
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.zipped)))
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
