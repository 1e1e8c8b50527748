package recipes

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestToolchains runs the recipes that need a compiler or a browser. It is a part of make ha.
func TestToolchains(t *testing.T) {
	t.Parallel()
	if os.Getenv("REFRESH_HA") == "" {
		t.Skip("make ha runs this test")
	}
	for name, command := range map[string]func(*testing.T) []string{
		"okhttp":   okhttp,
		"retrofit": retrofit,
		"react":    node("react", "/usr/bin/chromium"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, command(t))
		})
	}
}

const generator = "../clients/generator/"

// java returns a command that runs a driver in Java. make install has brought the libraries.
func java(t *testing.T, driver string, sources ...string) []string {
	t.Helper()
	libraries, err := filepath.Abs(generator + "lib")
	if err != nil {
		t.Fatal(err)
	}
	needs(t, "java", "javac", libraries)
	classes, path := t.TempDir(), filepath.Join(libraries, "*")
	run(t, "javac", append([]string{"-nowarn", "-cp", path, "-d", classes}, sources...)...)
	return []string{"java", "-cp", classes + string(os.PathListSeparator) + path, driver}
}

func okhttp(t *testing.T) []string {
	t.Helper()
	return java(t, "Driver", "testdata/Driver.java", "../../docs/recipes/RefreshSession.java")
}

// retrofit generates the client with the command that the recipe names, and compiles the parts that
// the recipe uses.
func retrofit(t *testing.T) []string {
	t.Helper()
	folder := t.TempDir()
	const program = generator + "venv/bin/openapi-generator-cli"
	needs(t, program)
	run(t, program, "generate", "-i", "../../openapi.yaml",
		"-g", "java", "--library", "retrofit2", "-o", folder, "-p", "openApiNullable=false,"+
			"disallowAdditionalPropertiesIfNotPresent=false,annotationLibrary=none")
	sources := []string{
		"testdata/Driver.java",
		"testdata/RetrofitDriver.java",
		"../../docs/recipes/RefreshSession.java",
		"../../docs/recipes/RetrofitSessions.java",
	}
	client := filepath.Join(folder, "src/main/java/org/openapitools/client")
	for _, pattern := range []string{"api/*", "model/*", "JSON", "StringUtil",
		"CollectionFormats"} {
		found, err := filepath.Glob(filepath.Join(client, pattern+".java"))
		if err != nil || len(found) == 0 {
			t.Fatalf("the generator wrote no %s: %v", pattern, err)
		}
		sources = append(sources, found...)
	}
	return java(t, "RetrofitDriver", sources...)
}

// run runs a program and fails the test with its output if it fails.
func run(t *testing.T, program string, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, out)
	}
}
