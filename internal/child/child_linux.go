package child

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"
)

func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// start starts the process from a thread that lives as long as this process: the kernel's parent-death signal is tied to
// the thread that forked (prctl(2)), and Go ends threads whose goroutine ends locked.
func start(cmd *exec.Cmd) error {
	launcher.once.Do(func() {
		launcher.jobs = make(chan func())
		go launch(launcher.jobs)
	})
	done := make(chan error)
	launcher.jobs <- func() { done <- cmd.Start() }
	return <-done
}

// launch runs the thread that starts all children. It never ends, since they would end with it.
func launch(jobs <-chan func()) {
	runtime.LockOSThread()
	for job := range jobs {
		job()
	}
}

var launcher struct {
	once sync.Once
	jobs chan func()
}
