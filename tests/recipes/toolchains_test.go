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
		"okhttp": java,
		"react":  node("react"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			judge(t, command(t))
		})
	}
}

// java returns a command that runs the recipe for OkHttp. make install has brought the libraries.
func java(t *testing.T) []string {
	t.Helper()
	libraries, err := filepath.Abs("../clients/generator/lib")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(libraries); err != nil {
		t.Fatalf("%v: run make install", err)
	}
	classes, path := t.TempDir(), filepath.Join(libraries, "*")
	cmd := exec.CommandContext(t.Context(), "javac", "-Xlint:all,-serial,-classfile", "-Werror",
		"-cp", path, "-d", classes, "testdata/Driver.java", "../../docs/recipes/RefreshSession.java")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("javac: %v\n%s", err, out)
	}
	return []string{"java", "-cp", classes + string(os.PathListSeparator) + path, "Driver"}
}
