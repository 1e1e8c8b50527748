package server

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTerritory: a process that left its group and its parent is signalled by its folder. When the
// tests end in any way, which closes the sweeper's input, the process is killed and the folder
// removed.
func TestTerritory(t *testing.T) {
	own, err := newTerritory("territory-")
	if err != nil {
		t.Fatal(err)
	}
	inner := filepath.Join(own.folder, "inner")
	if err := os.Mkdir(inner, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!")
	cmd.Dir = inner
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	awaitState(t, pid, "S")
	signalIn(own.folder, syscall.SIGSTOP)
	awaitState(t, pid, "T")
	if err := own.close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(own.folder); err == nil {
		t.Errorf("%s is still there", own.folder)
	}
	awaitState(t, pid, "Z ") // or gone, as soon as its new parent has waited for it
}

// awaitState waits until a process is in one of the states (proc(5)), or has ended where "Z" is
// one.
func awaitState(t *testing.T, pid int, states string) {
	t.Helper()
	state := ""
	for deadline := time.Now().Add(
		Patience); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		if err != nil {
			state = " "
		} else {
			_, after, _ := strings.Cut(string(stat), ") ")
			state = after[:1]
		}
		if strings.Contains(states, state) {
			return
		}
	}
	t.Fatalf("process %d is in state %q", pid, state)
}
