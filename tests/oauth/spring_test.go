package oauth

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kalsel.dev/refresh/tests/server"
)

// TestSpring runs the tests with Spring Security. It is a part of make ha, which has brought the
// libraries.
func TestSpring(t *testing.T) {
	t.Parallel()
	if os.Getenv("REFRESH_HA") == "" {
		t.Skip("make ha runs this test")
	}
	const libraries = "../apis/spring/lib"
	if _, err := os.Stat(libraries); err != nil {
		t.Fatalf("%v: run make ha", err)
	}
	classes, path := t.TempDir(), filepath.Join(libraries, "*")
	out, err := exec.CommandContext(t.Context(), "javac", "-nowarn", "-cp", path, "-d", classes,
		"testdata/SpringClient.java").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	path = classes + string(os.PathListSeparator) + path
	inBothModes(t, func(t *testing.T, fake server.Fake, rotation bool) {
		cmd := exec.CommandContext(t.Context(), "java", "-cp", path, "SpringClient")
		cmd.Env = environment(fake, rotation)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	})
}
