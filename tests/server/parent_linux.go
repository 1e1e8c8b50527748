package server

import "syscall"

// endWithParent makes the kernel send the signal when the tests are killed.
func endWithParent(attr *syscall.SysProcAttr, signal syscall.Signal) { attr.Pdeathsig = signal }
