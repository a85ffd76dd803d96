package main

import (
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
