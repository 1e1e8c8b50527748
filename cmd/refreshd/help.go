package main

import (
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

const (
	issuing = "--login --identity-claim --refresh-claim --secret --secret-file --access-secret-file " +
		"--allow-weak-secret --keys --issuer --audience "
	verifying = issuing + "--issuer-jwks --issuer-alg --require-type --max-lifetime --token-lifetime "
	revoking  = verifying + "--store --clock-skew --log-format --log-level"
)

// settingsOf returns the settings that each command reads, by the name of the command or of its
// group. The other commands read all.
func settingsOf() map[string]string {
	return map[string]string{
		"token issue":   issuing,
		"token inspect": verifying,
		"keys":          "--keys --allow-weak-secret",
		"keys rotate":   "--keys --allow-weak-secret --max-lifetime",
		"revoke":        revoking,
		"session": verifying + "--store --rotation --rotation-window --idle-lifetime " +
			"--session-lifetime",
		"revocations": "--store",
		"health":      "--ops-listen",
		"backup":      "--store",
		"restore":     "--store --max-lifetime",
		"migrate":     "--store",
		"openapi":     "",
		"version":     "",
	}
}

// printHelp prints the help of the selected command, with the settings that it reads.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	node := ctx.Selected()
	if node == nil {
		return kong.DefaultHelpPrinter(options, ctx)
	}
	name := strings.TrimPrefix(node.FullPath(), ctx.Model.Name+" ")
	group, _, _ := strings.Cut(name, " ")
	table := settingsOf()
	read, ok := table[name]
	if !ok {
		read, ok = table[group]
	}
	if !ok {
		return kong.DefaultHelpPrinter(options, ctx)
	}
	names := strings.Fields(read)
	for _, flag := range ctx.Model.Flags {
		if _, isSetting := settingOf(flag.Name); isSetting {
			flag.Hidden = !slices.Contains(names, "--"+flag.Name)
			flag.Group.Title = "Settings that this command reads " + settingsHint
		}
	}
	return kong.DefaultHelpPrinter(options, ctx)
}
