package main

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"
)

// commands is the command line. The settings belong to every command, so that the same flags and environment
// configure the server and the commands that work beside it.
type commands struct {
	Config

	Serve       serveCmd       `cmd:"" default:"1" help:"Run the server. This is what refreshd does without a command."`
	Token       tokenCmd       `cmd:"" help:"Sign and examine tokens."`
	ManageKeys  keysCmd        `cmd:"" name:"keys" help:"Make, show and rotate the keys in the file of --keys."`
	Revoke      revokeCmd      `cmd:"" help:"End one session, or all of an identity, on all servers that use the store."`
	Revocations revocationsCmd `cmd:"" help:"Show what is revoked."`
	Contract    contractCmd    `cmd:"" help:"Judge any deployment by the contract. The settings say what it is configured with."`
	Fake        fakeCmd        `cmd:"" help:"Run a server for the tests of callers, which misbehaves on demand."`
	OpenAPI     openAPICmd     `cmd:"" name:"openapi" help:"Print the contract (OpenAPI)."`
	Version     versionCmd     `cmd:"" help:"Print the version."`
}

const description = `Redeems refresh tokens for access tokens: POST /api/v1/refresh.

Without any setting it serves on 127.0.0.1:8080 with a random development key and prints a request to try.`

func execute(ctx context.Context, p *program, args []string, lookupEnv func(string) (string, bool)) error {
	var cli commands
	helped := false
	parser, err := kong.New(&cli,
		kong.Name("refreshd"),
		kong.Description(description),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(int) { helped = true }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 120}),
		kong.ExplicitGroups([]kong.Group{{
			Key:   settingsGroup,
			Title: "Settings (flag, or environment variable in parentheses; the flag wins):",
		}}),
		kong.ValueFormatter(helpText),
		kong.Resolvers(environment(lookupEnv)),
	)
	if err != nil {
		return fmt.Errorf("build the command line: %w", err)
	}
	// environment reads the variables in kong's place: those that run was given, and without repeating a value in an error.
	for _, flag := range parser.Model.Flags {
		flag.Tag.Envs = nil
	}
	command, err := parser.Parse(args)
	switch {
	case helped:
		return nil
	case err != nil:
		return configError(withoutValues(err.Error()))
	}
	command.BindTo(ctx, (*context.Context)(nil))
	return command.Run(p, &cli.Config)
}

// environment resolves a flag that was not given from the first of its variables that is set. An empty variable
// counts as not set, except where the empty value has a meaning of its own.
func environment(lookup func(string) (string, bool)) kong.ResolverFunc {
	return func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, name := range flag.Envs {
			value, ok := lookup(name)
			if !ok || value == "" && !flag.Tag.Has("empty") {
				continue
			}
			if flag.IsBool() && !isBool(value) {
				return nil, fmt.Errorf("%s must be true or false", name)
			}
			return value, nil
		}
		return nil, nil
	}
}

func isBool(s string) bool {
	switch strings.ToLower(s) {
	case "true", "1", "yes", "false", "0", "no":
		return true
	}
	return false
}

// helpText is a flag's line in --help: what it means, its variable and its default.
func helpText(v *kong.Value) string {
	if v.Flag == nil || len(v.Flag.Envs) == 0 {
		return v.Help
	}
	notes := strings.Join(v.Flag.Envs, ", ")
	if v.Default != "" {
		notes += ", default " + v.Default
	}
	return fmt.Sprintf("%s (%s)", v.Help, notes)
}

// The parser's errors repeat what was typed. That may be a piece of a secret or a token after a slip of the keyboard,
// and standard error often ends in a log.
var (
	unknownFlag  = regexp.MustCompile(`^unknown flag -{1,2}\S{25,}`)
	strayWord    = regexp.MustCompile(`^unexpected (argument|flag argument|token) `)
	missingValue = regexp.MustCompile(`^(--[a-z-]+): expected .* value but got `)
)

func withoutValues(message string) string {
	switch {
	case unknownFlag.MatchString(message):
		return "unknown flag; refreshd --help lists all"
	case strings.Contains(message, "did you mean"):
		return message
	case strayWord.MatchString(message):
		return "unexpected argument; refreshd --help lists the commands (quote values that contain spaces)"
	}
	if m := missingValue.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s needs a value; write %s=VALUE if the value begins with a dash", m[1], m[1])
	}
	return message
}
