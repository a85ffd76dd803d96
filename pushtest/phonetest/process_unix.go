//go:build unix && !linux

package phonetest

import (
	"os/exec"
	"syscall"
)

func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func start(cmd *exec.Cmd) error { return cmd.Start() }

// awaitStopped is for systems that tell when a process has stopped; here the signal takes effect a moment later.
func awaitStopped(int) {}
