package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"kalsel.dev/refresh/impl/service"
)

// commands is the command line. Every command has the settings, so that the same flags and
// variables configure the server and the commands that work beside it.
type commands struct {
	service.Settings `embed:"" group:"settings"`

	Serve        serveCmd       `cmd:"" default:"1" help:"Run the server. This is the default."`
	Token        tokenCmd       `cmd:"" help:"Sign and examine tokens."`
	KeysCommand  keysCmd        `cmd:"" name:"keys" help:"Manage the key file of --keys."`
	Revoke       revokeCmd      `cmd:"" help:"Revoke one session, or all sessions of an identity."`
	Session      sessionCmd     `cmd:"" help:"Show a session."`
	Revocations  revocationsCmd `cmd:"" help:"Show the revocations."`
	Check        checkCmd       `cmd:"" help:"Check settings, keys, store and clock."`
	Config       configCmd      `cmd:"" help:"Print the settings in force as variables."`
	Health       healthCmd      `cmd:"" help:"Ask the running server whether it is healthy."`
	Backup       backupCmd      `cmd:"" help:"Copy the SQLite store, while servers use it."`
	Restore      restoreCmd     `cmd:"" help:"Replace the SQLite store by a backup."`
	Migrate      migrateCmd     `cmd:"" help:"Bring the schema of the store up to date."`
	Contract     contractCmd    `cmd:"" help:"Run the contract tests against a deployment."`
	Fake         fakeCmd        `cmd:"" help:"Run a server that misbehaves, for callers' tests."`
	PrintOpenAPI openAPICmd     `cmd:"" name:"openapi" help:"Print the contract (OpenAPI)."`
	Version      versionCmd     `cmd:"" help:"Print the version."`
}

const (
	description = `Redeems refresh tokens for access tokens: POST /api/v1/refresh.

Without settings it serves on 127.0.0.1:8080 with a random development key, and prints a request
to try.`
	settingsHint = "(flag, or environment variable in parentheses; the flag wins):"
)

// execute parses the command line and runs the command.
func execute(ctx context.Context, p *program, args, environ []string) error {
	variables, err := settingVariables(environ)
	if err != nil {
		return err
	}
	var cli commands
	helped := false
	parser, err := kong.New(&cli,
		kong.Name("refreshd"),
		kong.Description(description),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.ExplicitGroups([]kong.Group{{Key: "settings", Title: "Settings " + settingsHint}}),
		kong.Resolvers(variables),
		kong.Vars{"algorithms": algorithms},
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	describe(parser.Model.Flags)
	command, err := parser.Parse(args)
	switch {
	case helped:
		return nil
	case err != nil:
		return usageError(withVariable(withoutValues(err.Error())))
	}
	for _, given := range command.Path {
		if given.Flag == nil {
			continue
		}
		if !given.Resolved {
			p.arguments = append(p.arguments, given.Flag.Name)
		}
		if err := checkText(given.Flag); err != nil {
			return err
		}
	}
	if _, err := cli.Profile(); err != nil {
		return err
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(p, &cli.Settings)
}

func settingOf(flag string) (service.Setting, bool) {
	for _, s := range service.AllSettings() {
		if s.Flag == flag {
			return s, true
		}
	}
	return service.Setting{}, false
}

// describe writes the meaning, the variable and the default of each setting into --help.
func describe(flags []*kong.Flag) {
	for _, flag := range flags {
		if s, ok := settingOf(flag.Name); ok {
			flag.Help = fmt.Sprintf("%s (%s)", s.Meaning, s.Variable)
			if s.Default != "" {
				flag.Help = fmt.Sprintf("%s (%s, default %s)", s.Meaning, s.Variable, s.Default)
			}
		}
	}
}

// The parser's errors repeat the text that was typed. After a slip of the keyboard that may be part
// of a secret or a token, and standard error often ends in a log.
var (
	unknownFlag  = regexp.MustCompile(`^unknown flag -{1,2}\S{25,}`)
	strayWord    = regexp.MustCompile(`^unexpected (argument|flag argument|token) `)
	emptyValue   = regexp.MustCompile(`^(--[a-z-]+): .* but got ""`)
	missingValue = regexp.MustCompile(`^(--[a-z-]+): expected .* value but got `)
)

func withoutValues(message string) string {
	switch {
	case unknownFlag.MatchString(message):
		return "unknown flag; refreshd --help lists all flags"
	case strings.Contains(message, "did you mean"):
		return message
	case strayWord.MatchString(message):
		return "unexpected argument; refreshd --help lists the commands " +
			"(quote values that contain spaces)"
	}
	if m := emptyValue.FindStringSubmatch(message); m != nil {
		return m[1] + ": is set but empty"
	}
	if m := missingValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf(
			"%s needs a value; write %s=VALUE if the value begins with a dash", m[1], m[1])
	}
	return strings.Replace(message, `must be one of "",`, "must be one of ", 1)
}

// withVariable adds the variable to the flag of a setting with which a message begins.
func withVariable(message string) string {
	flag, problem, found := strings.Cut(message, ": ")
	if s, ok := settingOf(strings.TrimPrefix(flag, "--")); found && ok {
		return s.Names() + ": " + problem
	}
	return message
}
