package process

import "syscall"

// dieWithUs ends the process when the tests are killed.
func dieWithUs(attr *syscall.SysProcAttr, death syscall.Signal) { attr.Pdeathsig = death }
