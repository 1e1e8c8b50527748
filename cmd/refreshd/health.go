package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"kalsel.dev/refresh/impl/service"
)

// healthTimeout is shorter than the timeout of a container's probe usually is.
const healthTimeout = 3 * time.Second

type healthCmd struct {
	Ready bool `help:"Ask whether the server is ready for requests, not only whether it answers."`
}

// Help adds details to the command's --help.
func (healthCmd) Help() string {
	return `Asks /healthz, or /readyz with --ready, at the address of --ops-listen on this machine.
It is for containers without other programs. Set the address with the variable REFRESH_OPS_LISTEN,
so that the server and this command use the same address. The exit status is 0 if the answer is 200,
and 1 if not.`
}

// Run prints the answer. It fails if there is none, or if the answer is not 200.
func (cmd healthCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	if err := s.Check(); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.OpsListen)
	if err != nil || port == "0" {
		return service.SettingError(s.Name(&s.OpsListen) +
			": has no fixed port: the server cannot be asked")
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	path := "/healthz"
	if cmd.Ready {
		path = "/readyz"
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	url := "http://" + net.JoinHostPort(host, port) + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("the server is not healthy: %w", err)
	}
	// No proxy: the server is on this machine.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return fmt.Errorf("the server is not healthy: %s, the address of %s, does not answer: %w",
			url, s.Name(&s.OpsListen), err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return fmt.Errorf("the server is not healthy: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		answer := reasons(response.Status, body)
		return fmt.Errorf("the server is not healthy: %s answers %s", url, answer)
	}
	_, err = p.stdout.Write(body)
	return err
}

// reasons returns the status of an answer, and the causes of its envelope.
func reasons(status string, body []byte) string {
	var envelope struct {
		Causes []string `json:"causes"`
	}
	if json.Unmarshal(body, &envelope) != nil || len(envelope.Causes) == 0 {
		return status
	}
	return status + ": " + strings.Join(envelope.Causes, "; ")
}
