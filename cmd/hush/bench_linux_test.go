package main

import (
	"bufio"
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// processesIn returns the processes that were told to write into a directory.
func processesIn(t *testing.T, temp string) (pids []string) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range environs {
		if env, err := os.ReadFile(path); err == nil && bytes.Contains(env, []byte("TMPDIR="+temp+"\x00")) {
			pids = append(pids, path)
		}
	}
	return pids
}

// sending starts a benchmark that would take long, and returns once it measures.
func sending(t *testing.T, temp string) *exec.Cmd {
	t.Helper()
	cmd := benchCommand(t, temp, "store", "--devices", "2000", "--duration", "10m", "--concurrency", "1")
	progress, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(progress)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "sending") {
			return cmd
		}
	}
	t.Fatalf("the benchmark ended before it sent anything: %v", cmd.Wait())
	return nil
}

func TestABenchmarkThatIsInterruptedEndsAllItStarted(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	cmd := sending(t, temp)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	err := cmd.Wait()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitInterrupted {
		t.Errorf("it ended with %v, want exit status %d", err, exitInterrupted)
	}
	checkNothingLeft(t, temp)
}

func TestABenchmarkThatIsKilledLeavesNoProcess(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	cmd := sending(t, temp)
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	for end := time.Now().Add(time.Minute); len(processesIn(t, temp)) > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a minute after it was killed there are still %v", processesIn(t, temp))
		}
	}
}
