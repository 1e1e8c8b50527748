package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/service"
)

// contractCmd runs the contract tests. The settings --secret, --keys, --issuer, --audience,
// --require-type, --rotation and --max-lifetime say how the deployment is configured.
type contractCmd struct {
	URL       string   `name:"url" placeholder:"URL"    help:"The deployment, such as https://example.com."`
	Format    string   `           placeholder:"FORMAT" help:"${enum}."                                           enum:"text,junit,json" default:"text"`
	Level     string   `           placeholder:"LEVEL"  help:"${contract_level}"                                  enum:"page,full,exact" default:"full"`
	Operation []string `           placeholder:"ID"     help:"Test only this operation. May be repeated."                                               sep:"none"`
	List      bool     `                                help:"Print the cases and their rules, and send nothing."`
}

const contractLevel = "page (what the kalsel page says), full (the contract) or exact (also what only refreshd promises)."

// Run prints the report. A breach of the contract is a failure.
func (cmd contractCmd) Run(ctx context.Context, p *program, s *service.Settings) error {
	suite, err := contract.New(refresh.OpenAPI)
	if err != nil {
		return err
	}
	if len(cmd.Operation) > 0 {
		if suite, err = suite.Only(cmd.Operation...); err != nil {
			return usageError("--operation: " + err.Error())
		}
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
		if c.Level != "" && c.Level != contract.LevelFull {
			mark = " (" + string(c.Level) + ")"
		}
		if _, err := fmt.Fprintf(p.stdout, "%s%s\n    %s\n", c.Name, mark, c.Rule); err != nil {
			return err
		}
	}
	return nil
}

func (cmd contractCmd) target(p *program, s *service.Settings) (contract.Target, error) {
	if cmd.URL == "" {
		return contract.Target{}, usageError(
			"--url: is required: give the URL of the deployment, such as https://example.com",
		)
	}
	u, err := url.Parse(cmd.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.RawQuery != "" ||
		u.Fragment != "" {
		return contract.Target{}, usageError(
			"--url: must be http:// or https://, a host and, if needed, a path",
		)
	}
	target := contract.Target{
		URL:         u,
		Issuer:      s.Issuer,
		Audience:    s.Audience,
		RequireType: s.RequireType,
		Rotation:    s.Rotation,
		MaxLifetime: time.Duration(s.MaxLifetime),
		Level:       contract.Level(cmd.Level),
	}
	if s.Keys == "" {
		target.Secret, err = s.SigningSecret(warnings(p))
		return target, err
	}
	file, err := os.ReadFile(s.Keys)
	if err != nil {
		return target, service.SettingError(s.Name(&s.Keys) + ": " + err.Error())
	}
	if target.Keys, err = contract.ParseKeys(file); err != nil {
		return target, service.SettingError(s.Name(&s.Keys) + ": " + err.Error())
	}
	return target, nil
}

// reach makes one clear line of a deployment that does not answer at all, in place of a breach in
// every case.
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
