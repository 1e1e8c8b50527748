package pgtest

import "syscall"

// dieWithUs ends the server when the tests are killed.
func dieWithUs(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGQUIT }
