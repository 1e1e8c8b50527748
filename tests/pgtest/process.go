package pgtest

import (
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
	"time"

	"kalsel.dev/refresh/tests/process"
)

// start runs one of PostgreSQL's programs. The main process ends its children itself.
func start(program string, args []string, dir string, account *syscall.Credential) (*process.Process, error) {
	cmd := exec.Command(program, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
	return process.Start(cmd, syscall.SIGQUIT)
}

// end sends the signal, waits, and makes sure.
func end(p *process.Process, signal syscall.Signal) {
	p.Send(signal)
	select {
	case <-p.Done:
	case <-time.After(20 * time.Second):
		p.Kill()
	}
}

// account is whom the server runs as: PostgreSQL refuses to be root.
func account() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
