package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// get sends a request to the server, with the credential unless that is empty, and returns the body
// of the answer up to most bytes. It returns errReset for the status 409, and fails for any other
// status but 200.
func (c *Config) get(ctx context.Context, path, credential string, most int64) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.Server+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	if name, secret, ok := strings.Cut(credential, ":"); ok {
		r.SetBasicAuth(name, secret)
	}
	response, err := c.Client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, most))
	switch {
	case err != nil:
		return nil, err
	case response.StatusCode == http.StatusConflict:
		return nil, errReset
	case response.StatusCode == http.StatusUnauthorized:
		return nil, errors.New("the server answered 401: check Credential, and that --api-credentials " +
			"of the server has it with the scope feed")
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answered %s", response.Status)
	}
	return body, nil
}

// sleep waits for a duration. It returns false if ctx ends before.
func (c *Config) sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c.Clock.After(d):
		return true
	}
}
