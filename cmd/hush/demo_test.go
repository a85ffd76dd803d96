package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

// What the demo shows is tested in internal/demo; here, that the command hands over what it was told.
func TestDemoRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--color", "pink"}, {"--nope"}, {"extra"}} {
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
