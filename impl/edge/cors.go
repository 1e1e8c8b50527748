package edge

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/rs/cors"
)

// Origins are the web pages whose scripts may call the API from another origin (CORS). The zero
// value is none.
type Origins struct {
	// Exact are origins such as https://app.example.com; "*" is every origin.
	Exact []string
	// Localhost allows every origin on this machine, for development.
	Localhost bool
	// Credentials lets these pages send cookies.
	Credentials bool
}

// allow lets the pages of o call next, answers their preflight requests, and lets them read when to
// try again and the ID of their request. All answers name Origin in Vary, errors too.
func (o Origins) allow(next http.Handler) http.Handler {
	if len(o.Exact) == 0 && !o.Localhost {
		return next
	}
	options := cors.Options{
		AllowedMethods:       []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"},
		AllowedHeaders:       []string{"*"},
		ExposedHeaders:       []string{"Retry-After", "X-Request-Id"},
		AllowCredentials:     o.Credentials,
		MaxAge:               2 * 60 * 60, // Chromium's maximum
		OptionsSuccessStatus: http.StatusNoContent,
	}
	if slices.Contains(o.Exact, "*") {
		options.AllowedOrigins = []string{"*"}
	} else {
		options.AllowOriginFunc = o.Allows
	}
	crossing := cors.New(options).Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/api/v1/authenticate") { // gateways call it, never pages
			next.ServeHTTP(w, r)
			return
		}
		crossing.ServeHTTP(w, r)
	})
}

// Allows reports whether pages of an origin may call the API. It does not know the origin *.
func (o Origins) Allows(origin string) bool {
	return slices.Contains(o.Exact, origin) || o.Localhost && isLocal(origin)
}

// isLocal reports whether an origin is on this machine (W3C Secure Contexts, section 3.1).
func isLocal(origin string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return false
	}
	host := u.Hostname()
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}
