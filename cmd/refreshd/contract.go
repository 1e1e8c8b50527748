package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/service"
)

// contractCmd judges a deployment. The settings --secret, --issuer, --audience, --require-type, --rotation and --max-service.Duration say what the
// deployment is configured with.
type contractCmd struct {
	URL    string `name:"url" placeholder:"URL" help:"Where the deployment is, such as https://example.com: the paths of the contract follow it."`
	Format string `enum:"text,junit,json" default:"text" placeholder:"FORMAT" help:"text, junit or json."`
	Exact  bool   `help:"Judge also what only refreshd promises, such as the wording of causes and the bytes of the 421."`
	List   bool   `help:"Print the cases and what each of them demands, and send nothing."`
}

// Run prints the report. A breach of the contract is a failure.
func (cmd contractCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		return err
	}
	if cmd.List {
		return listCases(p, suite)
	}
	target, err := cmd.target(p, s)
	if err != nil {
		return err
	}
	if err := reach(ctx, target.URL); err != nil {
		return err
	}
	report := suite.Run(ctx, target)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	if err := cmd.write(p, report); err != nil {
		return err
	}
	if !report.Kept() {
		return errReported
	}
	return nil
}

func listCases(p *program, suite *contract.Suite) error {
	for _, c := range suite.Cases() {
		mark := ""
		if c.Exact {
			mark = " (--exact)"
		}
		if _, err := fmt.Fprintf(p.stdout, "%s%s\n    %s\n", c.Name, mark, c.Rule); err != nil {
			return err
		}
	}
	return nil
}

func (cmd contractCmd) target(p *program, s *service.Settings) (contract.Target, error) {
	if s.Keys != "" {
		return contract.Target{}, service.SettingError(s.Name(&s.Keys) + ": the cases sign their tokens with a secret (HS256), --secret or --secret-file; " +
			"refreshd keys new --import-secret takes one into the deployment's file")
	}
	secret, err := s.SigningSecret(warnings(p))
	if err != nil {
		return contract.Target{}, err
	}
	if cmd.URL == "" {
		return contract.Target{}, usageError("--url: where is the deployment? Give a URL such as https://example.com")
	}
	u, err := url.Parse(cmd.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return contract.Target{}, usageError("--url: must be http:// or https://, a host and, if need be, a path")
	}
	return contract.Target{
		URL: u, Secret: secret, Issuer: s.Issuer, Audience: s.Audience, RequireType: s.RequireType, Rotation: s.Rotation,
		MaxLifetime: time.Duration(s.MaxLifetime), Exact: cmd.Exact,
	}, nil
}

// reach makes one clear line of a deployment that does not answer at all, in place of a breach in every case.
func reach(ctx context.Context, u *url.URL) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodHead, u.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", u.Redacted(), err)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return fmt.Errorf("cannot reach %s: %w", u.Redacted(), err)
	}
	return response.Body.Close()
}

func (cmd contractCmd) write(p *program, report *contract.Report) error {
	switch cmd.Format {
	case "junit":
		return report.WriteJUnit(p.stdout)
	case "json":
		return report.WriteJSON(p.stdout)
	}
	return report.WriteText(p.stdout)
}
