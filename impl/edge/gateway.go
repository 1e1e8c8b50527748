package edge

import (
	"net/http"
	"net/url"
	"strings"
)

// authenticatePath is the path that gateways ask before they pass a request on.
const authenticatePath = "/api/v1/authenticate"

// forGateway returns r as the operation for gateways expects it, because gateways differ: some send
// the method, the body or the path of the original request. Any method but HEAD becomes GET, the
// body is ignored, and so is a path behind that of the operation, with its query. Other requests are
// returned as they are.
func forGateway(r *http.Request) *http.Request {
	rest, found := strings.CutPrefix(r.URL.Path, authenticatePath)
	if !found || rest != "" && rest[0] != '/' {
		return r
	}
	other := *r
	if other.Method != http.MethodHead {
		other.Method = http.MethodGet
	}
	other.Body, other.ContentLength, other.TransferEncoding = http.NoBody, 0, nil
	if rest == "" || rest == "/fresh" || rest == "/admin" {
		return &other
	}
	path := authenticatePath
	// The target of OPTIONS * has no slash of its own.
	if segment, _, _ := strings.Cut(rest[1:], "/"); segment == "fresh" || segment == "fresh*" {
		path += "/fresh"
	} else if segment == "admin" || segment == "admin*" {
		path += "/admin"
	}
	other.URL = &url.URL{Path: path}
	return &other
}
