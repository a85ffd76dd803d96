// Package child starts processes that do not outlive this one. It is a leaf for whoever runs others: the phones, the benchmarks,
// the test kit.
package child

import "os/exec"

// Start starts a command in a process group of its own, so that a terminal's Ctrl-C does not reach it. It replaces the
// command's SysProcAttr. If this process dies without having ended the child, the kernel does (Linux only).
func Start(cmd *exec.Cmd) error {
	cmd.SysProcAttr = attributes()
	return start(cmd)
}
