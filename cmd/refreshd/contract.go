package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"

	refresh "kalsel.dev/refresh"
	"kalsel.dev/refresh/impl/contract"
	"kalsel.dev/refresh/impl/service"
)

// contractCmd runs the contract tests. The settings say how the deployment is configured.
type contractCmd struct {
	URL       string   `name:"url" placeholder:"URL" help:"The deployment's URL."`
	Format    string   `enum:"text,junit,json" default:"text" placeholder:"FORMAT" help:"${enum}."`
	Level     string   `enum:"page,full,exact" default:"full" placeholder:"LEVEL" help:"${enum}."`
	Operation []string `sep:"none" placeholder:"ID" help:"Test only this operation."`
	List      bool     `help:"Print the cases and their rules, and send nothing."`
}

// Help adds details to the command's --help.
func (contractCmd) Help() string {
	return `--url is the address before the contract's paths, such as https://example.com.
--operation may be repeated; --list names the operations.

Level page judges the promises of the kalsel page alone, full judges the contract, and exact also
judges promises that only refreshd makes, such as the wording of causes. The default level is
full, and the default format is text.

The settings tell how the deployment is configured: --secret, --secret-file or --keys (the login's
keys), --access-secret-file, --login, --identity-claim, --refresh-claim, --issuer, --audience,
--require-type, --rotation, --max-lifetime, --identity-url, --oauth, --api-credentials,
--browser-door and --browser-lifetime.`
}

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
	if err := s.Check(); err != nil {
		return contract.Target{}, err
	}
	if cmd.URL == "" {
		return contract.Target{}, usageError(
			"--url: is required: give the URL of the deployment, such as https://example.com")
	}
	u, err := url.Parse(cmd.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return contract.Target{}, usageError(
			"--url: must be http:// or https://, a host and, if needed, a path")
	}
	profile, err := s.Profile()
	if err != nil {
		return contract.Target{}, err
	}
	target := contract.Target{
		URL:           u,
		Login:         profile.Name,
		IdentityClaim: profile.Identity,
		RefreshClaim:  profile.MarkName,
		RefreshValue:  json.RawMessage(profile.MarkValue),
		Issuer:        s.Issuer,
		Audience:      s.Audience,
		RequireType:   s.RequireType,
		Rotation:      s.Rotation,
		AccessSID:     s.AccessSid,
		MaxLifetime:   time.Duration(s.MaxLifetime),
		UserService:   s.IdentityUrl != "",
		OAuth:         s.Oauth,
		Browser:       s.BrowserDoor,
		Level:         contract.Level(cmd.Level),
	}
	if s.BrowserDoor {
		target.BrowserLifetime = time.Duration(s.BrowserLifetime)
	}
	if s.ApiCredentials != "" {
		file, err := os.ReadFile(s.ApiCredentials)
		if err != nil {
			return target, service.SettingError(s.Name(&s.ApiCredentials) + ": " + err.Error())
		}
		target.Credentials = contract.ParseCredentials(file)
	}
	if s.Keys == "" {
		if target.AccessSecret, err = s.AccessSecret(warnings(p)); err != nil {
			return target, err
		}
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

// reach returns an error if the deployment does not answer at all. Without it, every case would
// report a breach.
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
