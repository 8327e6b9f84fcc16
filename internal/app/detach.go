package app

import (
	"os/exec"
	"syscall"
)

// detach begins a session of its own, so that what ends the hub's terminal or process group does not end the keeper.
func detach(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }
