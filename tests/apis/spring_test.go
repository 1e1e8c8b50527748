package apis

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestSpring compiles and judges the API with Spring. It is a part of make ha.
func TestSpring(t *testing.T) {
	t.Parallel()
	if os.Getenv("REFRESH_HA") == "" {
		t.Skip("make ha runs this test")
	}
	libraries := absolute(t, "spring/lib")
	if _, err := os.Stat(libraries); err != nil {
		t.Fatalf("%v: run make ha", err)
	}
	classes, path := t.TempDir(), filepath.Join(libraries, "*")
	out, err := exec.CommandContext(t.Context(), "javac", "-nowarn", "-parameters", "-cp", path,
		"-d", classes, "../../docs/apis/spring/Api.java").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	run(t, map[string][]string{
		"Spring": {"java", "-cp", classes + string(os.PathListSeparator) + path, "apis.Api"},
	})
}
