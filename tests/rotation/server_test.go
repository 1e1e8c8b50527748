//go:build linux

// Package rotation tests rotation mode from outside: real processes, both engines, lost requests
// and answers, kills, restores.
package rotation

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kalsel.dev/refresh/tests/server"
)

var shared server.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

// eachStore runs the test on a store of each engine that several processes can use.
func eachStore(t *testing.T, test func(t *testing.T, store string)) {
	t.Run(
		"sqlite",
		func(t *testing.T) { test(t, "sqlite:"+filepath.Join(t.TempDir(), "refresh.db")) },
	)
	t.Run("postgres", func(t *testing.T) { test(t, shared.Postgres(t).NewDatabase(t)) })
}

// node is a running refreshd in rotation mode.
type node = server.Refreshd

// launch starts a server in rotation mode. It ends with the test.
func launch(t *testing.T, settings ...string) *node {
	t.Helper()
	return shared.Start(t, append([]string{"--rotation"}, settings...)...)
}

// answer is the answer to a refresh; the status is 0 if there was none.
type answer struct {
	status          int
	access, refresh string
	causes          []string
}

var client = &http.Client{
	Timeout:   30 * time.Second,
	Transport: &http.Transport{MaxIdleConnsPerHost: 128},
}

// redeem sends a refresh token to a server.
func redeem(url, token string) answer {
	body := strings.NewReader(`{"limit":10,"refresh_token":"` + token + `"}`)
	resp, err := client.Post(url+"/api/v1/refresh", "application/json", body)
	if err != nil {
		return answer{}
	}
	defer resp.Body.Close()
	var fields struct {
		Access  string   `json:"access_token"`
		Refresh string   `json:"refresh_token"`
		Causes  []string `json:"causes"`
	}
	data, err := io.ReadAll(resp.Body)
	if err != nil || json.Unmarshal(data, &fields) != nil {
		return answer{}
	}
	return answer{
		status:  resp.StatusCode,
		access:  fields.Access,
		refresh: fields.Refresh,
		causes:  fields.Causes,
	}
}

func (a answer) cause() string { return strings.Join(a.causes, "; ") }
