package client

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// Transport returns an http.RoundTripper that adds the access token to requests. It does so only
// for the origin of Config.Server and for the given origins, such as https://api.example.com. It
// does not change requests to other origins, even after a redirect, or requests that have an
// Authorization header. If an API answers 401, Transport refreshes the token and sends the request
// once more, provided that its body can be read again (see http.Request.GetBody). If base is nil,
// it is http.DefaultTransport.
func (k *Keeper) Transport(base http.RoundTripper, origins ...string) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &transport{keeper: k, base: base, origins: []string{origin(k.server)}}
	for _, o := range origins {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" {
			k.config.Log.Warn("an origin is ignored, because it is not a URL", "origin", o)
			continue
		}
		t.origins = append(t.origins, origin(u))
	}
	return t
}

type transport struct {
	keeper  *Keeper
	base    http.RoundTripper
	origins []string
	warned  sync.Map // origins that a warning has named
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Authorization") != "" {
		return t.base.RoundTrip(request)
	}
	if to := origin(request.URL); !slices.Contains(t.origins, to) {
		response, err := t.base.RoundTrip(request)
		if err == nil && response.StatusCode == http.StatusUnauthorized {
			if _, again := t.warned.LoadOrStore(to, true); !again {
				t.keeper.config.Log.Warn("an origin that gets no access token answered 401: "+
					"pass it to Transport", "origin", to)
			}
		}
		return response, err
	}
	first, err := t.keeper.AccessToken(request.Context())
	if err != nil {
		closeBody(request)
		return nil, err
	}
	response, err := t.base.RoundTrip(withToken(request, first))
	if err != nil || response.StatusCode != http.StatusUnauthorized || t.keeper.wasRejected(first) {
		return response, err
	}
	return t.again(request, response, first)
}

// again sends a request that was answered 401 once more, with a newer token than first. If the body
// cannot be sent again, it returns the 401.
func (t *transport) again(
	request *http.Request, response *http.Response, first string,
) (*http.Response, error) {
	ctx := request.Context()
	if err := t.keeper.replace(ctx, first); err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	second, err := t.keeper.AccessToken(ctx)
	if err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	repeated := withToken(request, second)
	if !rewind(repeated) {
		return response, nil
	}
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // so that the connection can be reused
	_ = response.Body.Close()
	response, err = t.base.RoundTrip(repeated)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		t.keeper.setRejected(second)
	}
	return response, err
}

// rewind gives request a fresh copy of its body. It returns false if there is none.
func rewind(request *http.Request) bool {
	if request.Body == nil || request.Body == http.NoBody {
		return true
	}
	if request.GetBody == nil {
		return false
	}
	body, err := request.GetBody()
	request.Body = body
	return err == nil
}

// wasRejected reports whether an API rejected token although it was new. In that case a newer token
// would not help.
func (k *Keeper) wasRejected(token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rejected == token
}

func (k *Keeper) setRejected(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rejected = token
}

func withToken(request *http.Request, token string) *http.Request {
	clone := request.Clone(request.Context())
	clone.Header.Set("Authorization", "Bearer "+token)
	return clone
}

func closeBody(request *http.Request) {
	if request.Body != nil {
		_ = request.Body.Close()
	}
}

// origin returns the scheme, host and port of u. The port is always included.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + u.Hostname() + ":" + port
}
