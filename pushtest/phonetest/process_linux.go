package phonetest

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// awaitStopped waits until a signal to stop has taken effect, or the process has ended; it does not reap the process.
func awaitStopped(pid int) {
	const longest = 10 * time.Millisecond
	for pause := 50 * time.Microsecond; !stopped(pid) && !asGoodAsStopped(pid); pause = min(2*pause, longest) {
		time.Sleep(pause)
	}
}

// stopped reports whether the kernel says that the process has stopped or ended.
func stopped(pid int) bool {
	var info unix.Siginfo
	err := unix.Waitid(unix.P_PID, pid, &info, unix.WSTOPPED|unix.WEXITED|unix.WNOWAIT|unix.WNOHANG, nil)
	return info.Signo != 0 || err != nil && err != unix.EINTR
}

// asGoodAsStopped reports whether each thread of the process has stopped or is in vfork(2), as a shell that starts a command is.
// There it waits, whatever signal comes, until the child runs a program, and a child that was stopped before that never does.
func asGoodAsStopped(pid int) bool {
	tasks := "/proc/" + strconv.Itoa(pid) + "/task/"
	threads, err := os.ReadDir(tasks)
	if err != nil {
		return false
	}
	for _, thread := range threads {
		switch state(tasks + thread.Name()) {
		case 'T':
		case 'D': // it sleeps, and no signal wakes it
			if !hasStoppedChild(tasks + thread.Name()) {
				return false
			}
		default:
			return false
		}
	}
	return len(threads) > 0
}

func hasStoppedChild(task string) bool {
	children, _ := os.ReadFile(task + "/children") // none, where the kernel does not list them
	for child := range strings.FieldsSeq(string(children)) {
		if state("/proc/"+child) == 'T' {
			return true
		}
	}
	return false
}

// state returns the letter for what a process or thread does (proc_pid_stat(5)); 0 if it is gone.
func state(dir string) byte {
	stat, _ := os.ReadFile(dir + "/stat")
	at := bytes.LastIndexByte(stat, ')') + 2 // after its name, which may hold anything
	if at >= len(stat) {
		return 0
	}
	return stat[at]
}
