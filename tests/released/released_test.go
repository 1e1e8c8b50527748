// Package released compares the contract with the released one, so that no change breaks callers
// unnoticed.
package released

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"golang.org/x/mod/semver"
)

const (
	contract = "../../openapi.yaml"
	example  = "testdata/contract.yaml"
	oasdiff  = "github.com/oasdiff/oasdiff@v1.36.0"
)

func TestContractFollowsTheReleasedOne(t *testing.T) {
	released, err := filepath.Glob("openapi-*.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(released) == 0 {
		t.Log("nothing is released yet: there is no contract to keep")
		return
	}
	newest := slices.MaxFunc(
		released,
		func(a, b string) int { return semver.Compare(version(t, a), version(t, b)) },
	)
	if findings, ok := follows(t, build(t), newest, contract); !ok {
		t.Errorf(
			"openapi.yaml breaks callers of %s; undo that, or raise the major number of info.version:\n%s",
			newest,
			findings,
		)
	}
}

func TestBreakingChangesAreNoticed(t *testing.T) {
	tests := []struct {
		name     string
		old, new string
		version  string
		ok       bool
	}{
		{"nothing changed", "", "", "", true},
		{"better words", "Accepted.", "The token was accepted.", "", true},
		{"lower minimum", "minimum: 10", "minimum: 5", "", true},
		{
			"optional response field",
			"access_token: {type: string}",
			"access_token: {type: string}\n        more: {type: string}",
			"",
			true,
		},
		{"another error", "'421':", "'422': {description: Not valid.}\n        '421':", "", true},
		{"higher minimum", "minimum: 10", "minimum: 20", "", false},
		{"lower maximum", "maximum: 100", "maximum: 90", "", false},
		{"other default", "default: 100", "default: 60", "", false},
		{
			"required request field",
			"required: [refresh_token]",
			"required: [refresh_token, limit]",
			"",
			false,
		},
		{"renamed request field", "limit:", "minutes:", "", false},
		{
			"response field no longer promised",
			"required: [access_token]",
			"required: []",
			"",
			false,
		},
		{
			"other type in a response",
			"access_token: {type: string}",
			"access_token: {type: integer}",
			"",
			false,
		},
		{"renamed operation", "refreshToken", "redeemToken", "", false},
		{"renamed schema", "Answer", "Reply", "", false},
		{"removed path", "/v1/", "/v2/", "", false},
		{"removed path in a minor version", "/v1/", "/v2/", "version: 1.1.0", false},
		{"removed path in a new major version", "/v1/", "/v2/", "version: 2.0.0", true},
	}
	program := build(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			next := edited(
				t,
				test.old,
				test.new,
				"version: 1.0.0",
				cmp.Or(test.version, "version: 1.0.0"),
			)
			if findings, ok := follows(t, program, example, next); ok != test.ok {
				t.Errorf("may follow: %t, want %t\n%s", ok, test.ok, findings)
			}
		})
	}
}

// follows reports whether the contract in the file next may follow the one in the file released,
// and returns oasdiff's findings. Warnings count too: a removed request field is a warning, and it
// makes requests of existing callers invalid.
func follows(t *testing.T, program, released, next string) (string, bool) {
	t.Helper()
	compare := exec.CommandContext(
		t.Context(),
		program,
		"breaking",
		"--fail-on",
		"WARN",
		"--severity-levels",
		"severity.txt",
		released,
		next,
	)
	out, err := compare.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatalf("oasdiff: %v\n%s", err, out)
	}
	greater := semver.Compare(
		semver.Major(version(t, next)),
		semver.Major(version(t, released)),
	) > 0
	return string(out), err == nil || greater
}

// version returns info.version of the contract in the file path.
func version(t *testing.T, path string) string {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	v := "v" + document.Info.Version
	if semver.Canonical(v) != v {
		t.Fatalf("%s: info.version %q is not three numbers", path, document.Info.Version)
	}
	return v
}

// edited writes a copy of the example in which the first text of each pair is replaced by the
// second.
func edited(t *testing.T, pairs ...string) string {
	t.Helper()
	document, err := os.ReadFile(example)
	if err != nil {
		t.Fatal(err)
	}
	for pair := range slices.Chunk(pairs, 2) {
		if !bytes.Contains(document, []byte(pair[0])) {
			t.Fatalf("%s does not contain %q", example, pair[0])
		}
		document = bytes.ReplaceAll(document, []byte(pair[0]), []byte(pair[1]))
	}
	path := filepath.Join(t.TempDir(), "openapi.yaml")
	if err := os.WriteFile(path, document, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// build returns the path of oasdiff. It is no module that ours depends on: its own dependencies
// would be ours.
func build(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	install := exec.CommandContext(t.Context(), "go", "install", oasdiff)
	install.Env = append(os.Environ(), "GOBIN="+folder)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("go install %s: %v\n%s", oasdiff, err, out)
	}
	return filepath.Join(folder, "oasdiff")
}
