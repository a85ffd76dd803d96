package phonetest

import (
	"os/exec"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// processGroup also asks the kernel to end the app when the thread that started it dies.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// start starts the process from a thread that lives as long as this process: the kernel's parent-death signal is tied to
// the thread that forked (prctl(2)), and Go ends threads whose goroutine ends locked.
func start(cmd *exec.Cmd) error {
	launcher.once.Do(func() {
		launcher.jobs = make(chan func())
		go func() {
			runtime.LockOSThread()
			for job := range launcher.jobs {
				job()
			}
		}()
	})
	done := make(chan error)
	launcher.jobs <- func() { done <- cmd.Start() }
	return <-done
}

// launcher is the thread that starts all apps. Nobody ends it: the apps of every drawer hang on it.
var launcher struct {
	once sync.Once
	jobs chan func()
}

// awaitStopped waits until a signal to stop has taken effect, or the process has ended; it leaves both to be waited for.
func awaitStopped(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}
