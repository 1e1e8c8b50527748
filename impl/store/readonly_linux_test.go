package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSQLiteReadOnly: a file that may only be read is refused when it is opened. Root may write all files, so somebody else opens it.
func TestSQLiteReadOnly(t *testing.T) {
	dir, err := os.MkdirTemp("", "readonly-")
	must(t, err)
	t.Cleanup(func() { must(t, os.RemoveAll(dir)) })
	must(t, os.Chmod(dir, 0o777)) //nolint:gosec // for the other user
	program, err := os.ReadFile(os.Args[0])
	must(t, err)
	other := filepath.Join(dir, "other.test")
	must(t, os.WriteFile(other, program, 0o755)) //nolint:gosec // for the other user
	path := filepath.Join(dir, "refresh.db")
	must(t, open(t, "sqlite:"+path).Close())
	must(t, os.Chmod(path, 0o444)) //nolint:gosec // read-only is the point

	cmd := exec.Command(other)
	cmd.Dir, cmd.Env = dir, []string{helperEnv + "=sqlite:" + path, "STORE_TEST_FROM=1"}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the file may not be written") {
		t.Errorf("%v: %s", err, out)
	}
}
