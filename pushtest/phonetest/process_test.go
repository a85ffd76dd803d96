//go:build linux

package phonetest_test

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
)

// processState is the letter that the kernel gives: T for stopped.
func processState(t *testing.T, pid int) string {
	t.Helper()
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

func TestSuspendedIsAStoppedProcessAndTerminatedIsNone(t *testing.T) {
	t.Parallel()
	p := add(t, phonetest.Rules{}, phonetest.Spec{
		Platform: phonetest.IOS, App: apps(t)["process"], AppID: "a", State: phonetest.Suspended})
	pid := p.PID()
	wait(t, p, "a stopped process", func(*phonetest.Phone) bool { return processState(t, pid) == "T" })
	p.Deliver(message("m1", ""))
	if r := record(t, p, "m1"); r.PID != pid {
		t.Errorf("the push ran in process %d, want %d, which was resumed", r.PID, pid)
	}
	wait(t, p, "a suspended app", func(p *phonetest.Phone) bool { return p.State() == phonetest.Suspended })
	if got := processState(t, pid); got != "T" {
		t.Errorf("after the push the process is in state %q, want T", got)
	}
	if err := p.Swipe(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there after the swipe: %v", err)
	}
	if p.PID() != 0 {
		t.Errorf("the phone names process %d, want none", p.PID())
	}
}

// A shell that has just begun to start a command cannot stop before that has begun to run (vfork), and the command cannot
// begin once it has stopped. This app is at that point much of the time.
func TestAnAppIsSuspendedWhileItStartsACommand(t *testing.T) {
	t.Parallel()
	p := add(t, phonetest.Rules{}, phonetest.Spec{
		Platform: phonetest.IOS, AppID: "a", State: phonetest.Background, PushesOnly: true,
		App: phonetest.Command{Path: "/bin/sh", Args: []string{"-c", "while :; do /bin/true; done"}}})
	suspended := make(chan error, 1)
	for i := range 200 {
		go func() { suspended <- p.Suspend(t.Context()) }()
		select {
		case err := <-suspended:
			if err != nil {
				t.Fatalf("suspending it the %d. time: %v", i+1, err)
			}
		case <-time.After(time.Minute):
			_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // the fleet could not be closed else
			t.Fatalf("suspending it the %d. time: the app does not stop", i+1)
		}
		if err := p.Home(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestClosingAFleetEndsEveryProcess(t *testing.T) {
	t.Parallel()
	d := phonetest.New(phonetest.Config{})
	defer d.Close()
	var pids []int
	for _, s := range []phonetest.State{phonetest.Foreground, phonetest.Background, phonetest.Suspended} {
		p, err := d.Add(t.Context(), phonetest.Spec{Platform: phonetest.IOS, App: apps(t)["process"], AppID: "a", State: s})
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, p.PID())
	}
	d.Close()
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is still there: %v", pid, err)
		}
	}
}
