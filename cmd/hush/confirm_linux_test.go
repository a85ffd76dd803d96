package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// pseudoTerminal opens a pseudo-terminal: what is written to keyboard is typed, and what is read from it is on the screen.
func pseudoTerminal(t *testing.T) (keyboard, screen *os.File) {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatalf("a pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { keyboard.Close() })
	if err := unix.IoctlSetPointerInt(int(keyboard.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keyboard.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	screen, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { screen.Close() })
	return keyboard, screen
}

func TestAppDeleteAsksOnATerminal(t *testing.T) {
	t.Parallel()
	const (
		resources = "GET /v1/apps/notes/resources?limit=1000"
		keys      = "GET /v1/apps/notes/keys?limit=1000"
		providers = "GET /v1/apps/notes/providers"
		deletes   = "DELETE /v1/apps/notes"
	)
	for _, test := range []struct {
		typed   string
		args    string
		code    int
		deleted bool
		prints  string
	}{
		{typed: "y\n", deleted: true, prints: "app notes deleted\n"},
		{typed: "YES\n", deleted: true, prints: "app notes deleted\n"},
		{typed: "notes\n", deleted: true, prints: "app notes deleted\n"},
		{typed: "y\n", args: "--json", deleted: true},
		{typed: "\n", code: exitRefused},
		{typed: "note\n", code: exitRefused},
		{typed: "n\n", args: "--json", code: exitRefused},
		{typed: "\x04", code: exitRefused}, // Ctrl-D: there is no answer
	} {
		a := fakeAPI(t, map[string][]answer{
			resources: {{200, `{"resources":[{"resource_id":"a"},{"resource_id":"b"}],"cursor":""}`}},
			keys:      {{200, `{"keys":[{"key_id":"k"}],"cursor":""}`}},
			providers: {{200, `{"providers":[],"cursor":""}`}},
			deletes:   {{204, ""}},
		})
		code, out, errout := answered(t, a, test.typed, "app delete notes "+test.args)
		asked := a.requests()
		if deleted := asked[len(asked)-1] == deletes; code != test.code || deleted != test.deleted || out != test.prints {
			t.Errorf("%q to the question (%s): exit %d, asked %q, printed %q and said %q; want exit %d, deleted %v, printed %q",
				test.typed, test.args, code, asked, out, errout, test.code, test.deleted, test.prints)
		}
		if want := "App notes has 2 resources, 1 server key and 0 provider credentials."; !strings.HasPrefix(errout, want) {
			t.Errorf("the question is %q; want it to begin with %q", errout, want)
		}
	}
	gone := fakeAPI(t, nil)
	if code, _, errout := answered(t, gone, "", "app delete notes"); code != exitRefused || strings.Contains(errout, "Delete it?") {
		t.Errorf("an app that there is not: exit %d, %q; want 1 and no question", code, errout)
	}
}

func TestCtrlCAtTheQuestionDeletesNothing(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	_, screen := pseudoTerminal(t)
	cmd := asked(t, env, screen, "app", "delete", "notes")
	var errout strings.Builder
	cmd.Stderr = &asking{Builder: &errout, question: func() { cmd.Process.Signal(os.Interrupt) }}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitInterrupted || !strings.Contains(errout.String(), "nothing was done") {
		t.Errorf("exit %d, said %q; want %d and that nothing was done", code, &errout, exitInterrupted)
	}
	if got := hush(t, env, "", "app", "get", "notes"); got.code != exitDone {
		t.Errorf("the app is gone: %s", got.errout)
	}
}

// asked returns the command as a process whose standard input is a terminal.
func asked(t *testing.T, env map[string]string, screen *os.File, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Env = append(os.Environ(), asHush+"=1")
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdin = screen
	cmd.WaitDelay = time.Minute
	return cmd
}

// answered runs a command whose question gets an answer.
func answered(t *testing.T, a *api, typed, args string) (code int, out, errout string) {
	t.Helper()
	keyboard, screen := pseudoTerminal(t)
	var stdout, stderr strings.Builder
	cmd := asked(t, a.env(), screen, strings.Fields(args)...)
	cmd.Stdout, cmd.Stderr = &stdout, &asking{Builder: &stderr, question: func() { keyboard.WriteString(typed) }}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	return cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()
}

// asking watches for the question, and lets it be answered once it is there.
type asking struct {
	*strings.Builder
	question func()
	seen     bool
}

func (a *asking) Write(p []byte) (int, error) {
	n, err := a.Builder.Write(p)
	if !a.seen && strings.Contains(a.String(), "Delete it?") {
		a.seen = true
		a.question()
	}
	return n, err
}
