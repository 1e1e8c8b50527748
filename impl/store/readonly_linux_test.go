package store_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestSQLiteReadOnly: a file that is read-only is rejected when it is opened. Root may write all
// files, so another user opens it.
func TestSQLiteReadOnly(t *testing.T) {
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	must(t, os.Chmod(dir, 0o777))
	program, err := os.ReadFile(os.Args[0])
	must(t, err)
	other := filepath.Join(dir, "other.test")
	must(t, os.WriteFile(other, program, 0o755))
	path := filepath.Join(dir, "refresh.db")
	must(t, open(t, "sqlite:"+path).Close())
	must(t, os.Chmod(path, 0o444))

	cmd := exec.Command(other)
	cmd.Dir, cmd.Env = dir, []string{helperEnv + "=sqlite:" + path, "STORE_TEST_FROM=1"}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{
			Uid: 65534,
			Gid: 65534,
		}}
	}
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the file may not be written") {
		t.Errorf("%v: %s", err, out)
	}
}
