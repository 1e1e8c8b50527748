package server

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// territory is a folder and all processes that work in it: those that were started there, and
// their descendants, even if they have left the process group and have another parent. PostgreSQL
// under Patroni is like that.
type territory struct {
	folder  string
	sweeper *exec.Cmd
	hold    io.Closer
}

// sweep waits until its input ends, kills all processes whose working folder is in $1, and removes
// $1. It runs beside the tests, so that it also does so when the tests are killed.
const sweep = `trap '' INT TERM HUP
read -r nothing
for round in 1 2 3 4 5 6 7 8 9 10; do
	for process in /proc/[0-9]*; do
		case $(readlink "$process/cwd") in
		"$1" | "$1"/*) kill -9 "${process#/proc/}" ;;
		esac
	done
	rm -rf "$1" && exit
done 2>/dev/null
exit 1`

// newTerritory makes a temporary folder. The caller must call close.
func newTerritory(prefix string) (*territory, error) {
	folder, err := os.MkdirTemp("", prefix)
	if err != nil {
		return nil, err
	}
	t := &territory{folder: folder, sweeper: exec.Command("sh", "-c", sweep, "sweep", folder)}
	t.sweeper.Dir = "/"
	t.sweeper.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // no terminal signal reaches it
	if t.hold, err = t.sweeper.StdinPipe(); err == nil {
		err = t.sweeper.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	return t, nil
}

// close ends all processes of the folder and removes it.
func (t *territory) close() error {
	if err := errors.Join(t.hold.Close(), t.sweeper.Wait()); err != nil {
		return fmt.Errorf("%s: its processes could not be ended: %w", t.folder, err)
	}
	return nil
}

// processesIn returns the processes that work in a folder.
func processesIn(folder string) (pids []int) {
	links, _ := filepath.Glob("/proc/[0-9]*/cwd") // the pattern is well-formed
	for _, link := range links {
		at, err := os.Readlink(link)
		if err != nil || at != folder && !strings.HasPrefix(at, folder+"/") {
			continue // the process has ended, or is another one
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// signalIn sends a signal to all processes that work in a folder, and to those that they start
// meanwhile.
func signalIn(folder string, signal syscall.Signal) {
	sent := map[int]bool{}
	for before := -1; len(sent) != before; {
		before = len(sent)
		for _, pid := range processesIn(folder) {
			if !sent[pid] {
				_ = syscall.Kill(pid, signal) // it may end at this very moment
				sent[pid] = true
			}
		}
	}
}

// killIn kills all processes that work in a folder and returns when they have ended.
func killIn(folder string) error {
	for deadline := time.Now().Add(
		Patience); len(processesIn(folder)) > 0; time.Sleep(time.Millisecond) {
		signalIn(folder, syscall.SIGKILL)
		if time.Now().After(deadline) {
			return fmt.Errorf("the processes in %s do not end", folder)
		}
	}
	return nil
}
