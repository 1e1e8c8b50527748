package client

import (
	"io"
	"net/http"
	"net/url"
	"slices"

	"golang.org/x/sync/singleflight"
)

type result = singleflight.Result

// Transport returns an http.RoundTripper that adds the access token to requests to the given origins, such as
// https://api.example.com, and to that of Config.Server. Requests to others, redirects to them included, and those with an Authorization
// of their own pass untouched. After a 401 the request is sent once more with a new token, if its body can be read
// again (see http.Request.GetBody). A nil base is http.DefaultTransport.
func (k *Keeper) Transport(base http.RoundTripper, origins ...string) http.RoundTripper {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &transport{keeper: k, base: base, origins: []string{origin(k.server)}}
	for _, o := range origins {
		if u, err := url.Parse(o); err == nil {
			t.origins = append(t.origins, origin(u))
		}
	}
	return t
}

type transport struct {
	keeper  *Keeper
	base    http.RoundTripper
	origins []string
}

func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Header.Get("Authorization") != "" || !slices.Contains(t.origins, origin(request.URL)) {
		return t.base.RoundTrip(request)
	}
	first, err := t.keeper.AccessToken(request.Context())
	if err != nil {
		closeBody(request)
		return nil, err
	}
	response, err := t.base.RoundTrip(withToken(request, first))
	if err != nil || response.StatusCode != http.StatusUnauthorized || t.keeper.isUseless(first) {
		return response, err
	}
	return t.again(request, response, first)
}

// again sends a request that was answered 401 once more, with another token than first. Where that is impossible the 401 stands.
func (t *transport) again(request *http.Request, response *http.Response, first string) (*http.Response, error) {
	ctx := request.Context()
	if err := t.keeper.refresh(ctx, first); err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	second, err := t.keeper.AccessToken(ctx)
	if err != nil {
		_ = response.Body.Close()
		return nil, err
	}
	spare := withToken(request, second)
	if !rewind(spare) {
		return response, nil
	}
	_, _ = io.CopyN(io.Discard, response.Body, 64<<10) // lets the connection be used again
	_ = response.Body.Close()
	response, err = t.base.RoundTrip(spare)
	if err == nil && response.StatusCode == http.StatusUnauthorized {
		t.keeper.setUseless(second)
	}
	return response, err
}

// rewind gives a request whose body was sent the body again, if that can be had.
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

// isUseless reports whether token was refused right after its birth: a newer one would not help.
func (k *Keeper) isUseless(token string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.useless == token
}

func (k *Keeper) setUseless(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.useless = token
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

// origin is scheme, host and port, the port spelled out.
func origin(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return u.Scheme + "://" + u.Hostname() + ":" + port
}
