package keys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/caller"
)

func isURL(location string) bool { return strings.Contains(location, "://") }

// newClient returns a client for one URL. It fails unless the URL is https, or http on loopback,
// and the client follows no redirect to another host.
func newClient(location string) (*http.Client, error) {
	u, err := url.Parse(location)
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("the issuer's URL is malformed")
	case u.User != nil:
		return nil, errors.New("the issuer's URL must not hold a name or password")
	case !IsSecure(u):
		return nil, errors.New("the issuer's URL must begin with https://; http:// needs loopback")
	}
	return &http.Client{
		Transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			ForceAttemptHTTP2:      true,
			MaxResponseHeaderBytes: 64 << 10,
			// A connection that went silent would make every fetch over it time out.
			DisableKeepAlives: true,
			// net/http goes on with the handshake after a fetch has timed out.
			TLSHandshakeTimeout: defaultIntervals().fetch,
		},
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			if next.URL.Scheme != u.Scheme || next.URL.Host != u.Host {
				return errors.New("the issuer redirects to another host")
			}
			if len(via) >= 3 {
				return errors.New("the issuer redirects too often")
			}
			return nil
		},
	}, nil
}

// IsSecure reports whether a URL is https, or http on this machine.
func IsSecure(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && IsLoopback(u.Hostname())
}

// IsLoopback reports whether host is this machine: 127.0.0.0/8, ::1 or localhost.
func IsLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// get fetches a document. It fails unless the answer is 200 and no larger than maxSet.
// cached is how long a cache on the way may repeat the answer.
func get(
	ctx context.Context, client *http.Client, location string,
) (data []byte, cached time.Duration, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, location, nil)
	if err != nil {
		return nil, 0, err
	}
	req.Header.Set("Cache-Control", "no-cache")
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	if trace := caller.Of(ctx).Traceparent(); trace != "" {
		req.Header.Set("traceparent", trace)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, plainError(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, 0, fmt.Errorf("the issuer answered %d", resp.StatusCode)
	}
	data, err = io.ReadAll(io.LimitReader(resp.Body, maxSet+1))
	if err != nil {
		return nil, 0, plainError(err)
	}
	if len(data) > maxSet {
		return nil, 0, fmt.Errorf("the issuer's set is larger than %d bytes", maxSet)
	}
	return data, cachedFor(resp.Header), nil
}

// cachedFor returns how long a cache may repeat an answer with this header (RFC 9111), or 0 if none
// may. Not every cache on the way obeys the no-cache of the request, or adds an Age.
func cachedFor(h http.Header) time.Duration {
	var lifetime, age time.Duration
	fromCache := h.Get("Age") != ""
	if seconds, err := strconv.ParseInt(h.Get("Age"), 10, 32); err == nil {
		age = time.Duration(seconds) * time.Second
	}
	for directive := range strings.SplitSeq(strings.Join(h.Values("Cache-Control"), ","), ",") {
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimSpace(directive)), "=")
		seconds, err := strconv.ParseInt(strings.Trim(value, `"`), 10, 32)
		if err == nil && (name == "max-age" || name == "s-maxage") {
			lifetime = max(lifetime, time.Duration(seconds)*time.Second)
		}
	}
	switch {
	case lifetime > age:
		return lifetime - age
	case fromCache: // of an unknown lifetime, or one that the cache extends
		return maxDoubt
	}
	return 0
}

// plainError removes method and URL from an error, because the caller logs them anyway.
func plainError(err error) error {
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() {
		return errors.New("the issuer did not answer in time")
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		return outer.Err
	}
	return err
}

// CheckIssuer returns an error if a location cannot be used as Config.Issuer.
func CheckIssuer(location string) error {
	if !isURL(location) {
		return nil
	}
	_, err := newClient(location)
	return err
}
