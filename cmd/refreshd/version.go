package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3".
var version string

type versionCmd struct{}

// Run prints the version, the commit with its date if they are known, and the platform.
func (versionCmd) Run(p *program) error {
	_, err := fmt.Fprintf(p.stdout, "refreshd %s%s %s %s/%s\n",
		buildVersion(), commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion returns the version of the linker, else of the module, else "devel".
func buildVersion() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" || info.Main.Version == "(devel)" {
		return "devel"
	}
	return info.Main.Version
}

// commit returns the commit that the program was built from and its date, with a space before them.
// The Go command writes both into each program that it builds in a clone of the repository.
func commit() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	known := map[string]string{}
	for _, s := range info.Settings {
		known[s.Key] = s.Value
	}
	return commitOf(known)
}

func commitOf(known map[string]string) string {
	revision := known["vcs.revision"]
	if revision == "" {
		return ""
	}
	text := " (commit " + revision[:min(12, len(revision))] + " of " + known["vcs.time"]
	if known["vcs.modified"] == "true" {
		text += ", with local changes"
	}
	return text + ")"
}
