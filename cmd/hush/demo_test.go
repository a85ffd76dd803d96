package main

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the demo shows is tested in its package; here, that the command hands over what it was told.
func TestDemoRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--color", "pink"}, {"--story", "--json"}, {"--nope"}, {"extra"}} {
		got := hush(t, nil, "", append([]string{"demo"}, args...)...)
		if got.code != exitUsage || got.out != "" || !strings.Contains(got.errout, args[len(args)-1]) {
			t.Errorf("hush demo %q: exit %d, printed %q, said %q; want 2, nothing, and what it does not know", args, got.code, got.out, got.errout)
		}
	}
}

func TestDemoWhoseReaderLeavesRemovesWhatItMade(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	tmp := t.TempDir()
	cmd := exec.Command("sh", "-c", `"$0" demo --once --json | head -n 1`, self) // sh waits for both
	cmd.Env = append(os.Environ(), asHush+"=1", "TMPDIR="+tmp)
	var errout strings.Builder
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil || strings.Count(string(out), "\n") != 1 {
		t.Fatalf("the demo printed %q, and said %q, %v; want one row", out, errout.String(), err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Errorf("the demo left %v, %v; said %q", left, err, errout.String())
	}
}

// A line that a demo prints to try next is pasted into a shell that knows nothing of the demo, in another directory.
func TestWhatToTryNextCanBePasted(t *testing.T) {
	t.Parallel()
	d := startDemo(t, "--story")
	tries := d.tries()
	for _, want := range []struct{ in, answer string }{
		{" push ", "push  "},
		{"curl ", `"push_id"`},
		{" trace ", "handled on 1 of 1"},
		{"budget.sh", "handled on 1 of 1"},
	} {
		line, known := "", false
		for _, line = range tries {
			if known = strings.Contains(line, want.in); known {
				break
			}
		}
		if !known {
			t.Errorf("no line to try has %q; there are\n%s", want.in, strings.Join(tries, "\n"))
			continue
		}
		if out, err := paste(t, line); err != nil || !strings.Contains(out, want.answer) {
			t.Errorf("%s\nsaid %v, and printed\n%s\nwant %q in it", line, err, out, want.answer)
		}
		if want.in == " push " {
			d.until("payload=hi") // on alice's phone
		}
		if want.in == "budget.sh" {
			d.until("payload=second")
		}
	}
	if len(tries) != 5 {
		t.Errorf("there are lines to try that were not tried:\n%s", strings.Join(tries, "\n"))
	}
}

// The line that shows what happens in the app does not end by itself.
func TestWhatToTryShowsPushesLive(t *testing.T) {
	t.Parallel()
	tries := startDemo(t, "--story").tries()
	at := slices.IndexFunc(tries, func(l string) bool { return strings.HasSuffix(l, " listen") })
	push := slices.IndexFunc(tries, func(l string) bool { return strings.Contains(l, " push ") })
	if at < 0 || push < 0 {
		t.Fatalf("the lines to try are\n%s\nwant one that listens and one that pushes", strings.Join(tries, "\n"))
	}
	ctx, cancel := context.WithTimeout(t.Context(), pasteWait)
	defer cancel()
	sh := shell(ctx, t, "exec "+tries[at])
	out, err := sh.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.Start(); err != nil {
		t.Fatal(err)
	}
	handled := make(chan bool, 1)
	go func() {
		lines, seen := bufio.NewScanner(out), false
		for !seen && lines.Scan() {
			seen = strings.Contains(lines.Text(), "handled") && strings.Contains(lines.Text(), "alice")
		}
		handled <- seen
	}()
	for { // it may not listen yet when the first push is handled
		if _, err := paste(t, tries[push]); err != nil {
			t.Fatal(err)
		}
		select {
		case seen := <-handled:
			cancel()
			_ = sh.Wait()
			if !seen {
				t.Errorf("%s ended before it showed that a push is handled", tries[at])
			}
			return
		case <-time.After(time.Second):
		}
	}
}

// Once a demo has ended there are its programs to try; the demo itself would stay.
func TestWhatToTryAfterTheDemoCanBePasted(t *testing.T) {
	t.Parallel()
	d := startDemo(t, "--once")
	tries := d.tries()
	if len(tries) != 3 || !strings.HasSuffix(tries[0], " demo") {
		t.Fatalf("the lines to try are\n%s\nwant three, the first of which is the demo", strings.Join(tries, "\n"))
	}
	tries[0] += " --help"
	for _, line := range tries {
		if out, err := paste(t, line); err != nil || !strings.Contains(out, "Usage:") {
			t.Errorf("%s\nsaid %v, and printed\n%s\nwant its help", line, err, out)
		}
	}
}

// paste runs a line in a shell of its own.
func paste(t *testing.T, line string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), pasteWait)
	defer cancel()
	out, err := shell(ctx, t, line).CombinedOutput()
	return string(out), err
}

// shell returns a shell that is to run a line, somewhere else than the demo.
func shell(ctx context.Context, t *testing.T, line string) *exec.Cmd {
	sh := exec.CommandContext(ctx, "sh", "-c", line)
	sh.Dir = t.TempDir()
	sh.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + sh.Dir, asHush + "=1"}
	return sh
}

// pasteWait is how long a pasted line, or the demo itself, may take on a machine that has other things to do.
const pasteWait = 5 * time.Minute

// runningDemo is a demo in a process of its own.
type runningDemo struct {
	t     *testing.T
	lines *bufio.Scanner // of its standard output
}

func startDemo(t *testing.T, args ...string) *runningDemo {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*pasteWait)
	cmd := exec.CommandContext(ctx, self, append([]string{"demo"}, args...)...)
	cmd.Env = append(os.Environ(), asHush+"=1")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	var progress strings.Builder
	cmd.Stderr = &progress
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	d := &runningDemo{t: t, lines: bufio.NewScanner(out)}
	t.Cleanup(func() {
		cancel()
		for d.lines.Scan() { // what is left to say
		}
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the demo's progress:\n%s", progress.String())
		}
	})
	return d
}

// until reads on to a line that has the text.
func (d *runningDemo) until(text string) {
	d.t.Helper()
	for d.lines.Scan() {
		if strings.Contains(d.lines.Text(), text) {
			return
		}
	}
	d.t.Fatalf("the demo ended before it printed %q: %v", text, d.lines.Err())
}

// tries returns the lines to try next: those that are indented by more than what is said of them.
func (d *runningDemo) tries() (lines []string) {
	d.t.Helper()
	d.until("What to try next")
	for d.lines.Scan() && d.lines.Text() != "" {
		if line, ok := strings.CutPrefix(d.lines.Text(), "    "); ok {
			lines = append(lines, line)
		}
	}
	return lines
}
