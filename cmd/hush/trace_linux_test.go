package main

import (
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/sys/unix"
)

// A line that is wider than the terminal takes more than one row of it, and all of them are drawn over.
func TestALiveTraceIsDrawnOverWhole(t *testing.T) {
	t.Parallel()
	const columns = 24
	live := "event: delivery\ndata: " + oneLine(traceHandled) + "\n\nevent: final\ndata: {\"final\":true}\n\n"
	a := fakeAPI(t, map[string][]answer{pushPath: {{200, traceOpen}, {200, traceFinal(traceHandled)}}, livePath: {{200, live}}})
	keyboard, screen := pseudoTerminal(t)
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: columns}); err != nil {
		t.Fatal(err)
	}
	env := a.env()
	env["NO_COLOR"] = "1"
	cmd := asked(t, env, screen, "trace", "p1")
	cmd.Stdout = screen
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen.Close()                 // the reading ends when the command has closed it, too
	out, _ := io.ReadAll(keyboard) // with EIO
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	up := regexp.MustCompile(`\x1b\[(\d+)A\x1b\[J`)
	drawings, over := up.Split(string(out), -1), up.FindAllStringSubmatch(string(out), -1)
	if len(over) == 0 {
		t.Fatalf("nothing was drawn over in %q", out)
	}
	for i, erased := range over {
		rows := 0
		for line := range strings.Lines(drawings[i]) {
			rows += max(1, (utf8.RuneCountInString(strings.TrimRight(line, "\r\n"))+columns-1)/columns)
		}
		if got, _ := strconv.Atoi(erased[1]); got != rows {
			t.Errorf("%d rows were drawn over, want the %d of\n%s", got, rows, drawings[i])
		}
	}
}
