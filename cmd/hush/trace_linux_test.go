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
	out := drawnOn(t, columns, a.env(), "trace", "p1")
	drawnOverWhole(t, out, columns)
}

// A push for all is shown in one place.
func TestTheDeliveriesOfAPushAreCountedInOnePlace(t *testing.T) {
	t.Parallel()
	a := fakeAPI(t, map[string][]answer{
		"POST /v1/apps/notes/pushes": {{202, `{"push_id":"01a22704-7e61-7639-b118-e27fc440ddad","warnings":[]}`}},
		makingPath:                   {{200, made(0, 0, false)}, {200, made(90_000, 10_000, false)}, {200, made(150_000, 50_000, true)}},
	})
	out := drawnOn(t, 40, a.env(), "push", "--resource", "both", "--to", "all")
	_, shown, _ := strings.Cut(out, "\n") // behind the push's id
	drawnOverWhole(t, shown, 40)
	for _, want := range []string{"deliveries  0 made so far, 0 a second", "100000 made so far, ", "200000 made within ", "150000 waiting, 50000 sent"} {
		if !strings.Contains(out, want) {
			t.Errorf("the terminal was told %q; want %q in it", out, want)
		}
	}
}

// drawnOn returns what a command writes to a terminal of so many columns.
func drawnOn(t *testing.T, columns uint16, env map[string]string, args ...string) string {
	t.Helper()
	keyboard, screen := pseudoTerminal(t)
	if err := unix.IoctlSetWinsize(int(screen.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 50, Col: columns}); err != nil {
		t.Fatal(err)
	}
	env["NO_COLOR"] = "1"
	cmd := asked(t, env, screen, args...)
	cmd.Stdout = screen
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	screen.Close()                 // the reading ends when the command has closed it, too
	out, _ := io.ReadAll(keyboard) // with EIO
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// drawnOverWhole checks that all rows of each drawing were drawn over by the next.
func drawnOverWhole(t *testing.T, out string, columns int) {
	t.Helper()
	up := regexp.MustCompile(`\x1b\[(\d+)A\x1b\[J`)
	drawings, over := up.Split(out, -1), up.FindAllStringSubmatch(out, -1)
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
