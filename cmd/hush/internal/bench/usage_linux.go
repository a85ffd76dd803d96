package bench

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// usageOf returns what a process has used so far, and whether the system says so.
func usageOf(pid int) (usage, bool) {
	var cpu unix.Timespec
	// A process' clock by its number, as clock_getcpuclockid(3) makes it.
	const scheduled = 2
	if err := unix.ClockGettime(int32(^pid<<3|scheduled), &cpu); err != nil {
		return usage{}, false
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return usage{}, false
	}
	return usage{
		cpu:      time.Duration(cpu.Nano()),
		resident: kilobytes(status, "VmRSS:"),
		peak:     kilobytes(status, "VmHWM:"),
	}, true
}

// forgetPeak makes the peak of a process what is resident now (proc_pid_clear_refs(5)). Where that is not allowed, the peak
// stays that of its whole life.
func forgetPeak(pid int) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0)
}

// kilobytes reads a field of /proc/PID/status, in bytes.
func kilobytes(status []byte, name string) int64 {
	for line := range strings.Lines(string(status)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			n, _ := strconv.ParseInt(fields[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
