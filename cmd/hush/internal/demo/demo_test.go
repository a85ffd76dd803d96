package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if RunApp() {
		return
	}
	goleak.VerifyTestMain(m,
		// The thread that starts all apps stays, see internal/child.
		goleak.IgnoreAnyFunction("github.com/hushpush/hush/internal/child.launch"))
}

// demoWait is how long a test waits for the whole demo, on a machine that has other things to do.
const demoWait = 5 * time.Minute

// show runs the demo with some rows until it ends, and returns what it wrote.
func show(t *testing.T, o Options, specs []spec) (out, progress string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), demoWait)
	defer cancel()
	var outBuf, errBuf bytes.Buffer
	o.Once, o.Out, o.Err = true, &outBuf, &errBuf
	err = run(ctx, o, specs)
	return outBuf.String(), errBuf.String(), err
}

// named returns one of the rows.
func named(t *testing.T, name string) spec {
	t.Helper()
	for _, s := range rows() {
		if s.name() == name {
			return s
		}
	}
	t.Fatalf("there is no row %s", name)
	return spec{}
}

func TestEveryRowIsAsExpected(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out, progress, err := show(t, Options{JSON: true}, rows())
	if err != nil {
		t.Fatalf("the demo: %v\n%s", err, progress)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) != 28 {
		t.Errorf("%d rows, want 28", len(lines))
	}
	keys := []string{"scene", "platform", "state", "resource", "path", "callback", "result", "reason", "ms", "log", "expected"}
	for i, line := range lines {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatalf("line %d is no JSON: %v: %s", i+1, err, line)
		}
		for _, k := range keys {
			if _, ok := row[k]; !ok {
				t.Errorf("line %d has no %q: %s", i+1, k, line)
			}
		}
		if len(row) != len(keys) || row["expected"] != true || row["scene"] != "push" {
			t.Errorf("line %d: %s\nwant %v, expected true", i+1, line, keys)
		}
		terminated := row["platform"] == "android" && row["state"] == "terminated"
		if log, _ := row["log"].(string); strings.Contains(log, `{"cursor":`) != terminated {
			t.Errorf("line %d: log %q; want the payload for Android terminated, else nothing", i+1, log)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
		t.Errorf("the demo left %v behind", left)
	}
	if apps := processesWith(t, temp); len(apps) > 0 {
		t.Errorf("the demo left processes behind: %v", apps)
	}
}

// processesWith returns the processes whose environment names a directory below dir; none where the system does not tell.
func processesWith(t *testing.T, dir string) (pids []string) {
	t.Helper()
	environs, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range environs {
		env, err := os.ReadFile(path)
		if err == nil && bytes.Contains(env, []byte("NOTES_DIR="+dir)) {
			pids = append(pids, filepath.Base(filepath.Dir(path)))
		}
	}
	return pids
}

func TestTheDemoThatIsInterruptedEndsAllItStarted(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	ctx, cancel := context.WithCancel(t.Context())
	var told bytes.Buffer
	progress := writerFunc(func(b []byte) (int, error) {
		if bytes.HasPrefix(b, []byte("[")) {
			cancel() // the first row is done, others are under way
		}
		return told.Write(b)
	})
	err := Run(ctx, Options{Once: true, Out: &bytes.Buffer{}, Err: progress})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("the demo ended with %v, want context.Canceled, and interrupted in its words", err)
	}
	if strings.Contains(told.String(), "not as expected") {
		t.Errorf("rows that ended with the demo are told as failed:\n%s", &told)
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
		t.Errorf("the demo left %v behind", left)
	}
	if apps := processesWith(t, temp); len(apps) > 0 {
		t.Errorf("the demo left processes behind: %v", apps)
	}
}

func TestARowThatIsNotAsExpectedFailsTheDemoAndIsExplained(t *testing.T) {
	t.Parallel()
	s := named(t, "android-suspended-both")
	s.want.callback = "another"
	out, progress, err := show(t, Options{JSON: true}, []spec{s})
	if !errors.Is(err, ErrUnexpected) {
		t.Errorf("the demo ended with %v, want ErrUnexpected", err)
	}
	if !strings.Contains(out, `"expected":false`) || !strings.Contains(out, `"callback":"BackgroundMessageHandler"`) {
		t.Errorf("the row is %s, want what was observed, not expected", out)
	}
	for _, want := range []string{`callback is "BackgroundMessageHandler", want "another"`, "wake_answered", "resumed in suspended"} {
		if !strings.Contains(progress, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, progress)
		}
	}
}

func TestTheTableIsPlainUnlessColoursAreWanted(t *testing.T) {
	t.Parallel()
	for _, color := range []bool{false, true} {
		out, progress, err := show(t, Options{Color: color}, []spec{named(t, "ios-terminated-both")})
		if err != nil {
			t.Fatalf("the demo: %v\n%s", err, progress)
		}
		if strings.Contains(out, "\x1b[") != color {
			t.Errorf("with color %v the table is\n%s", color, out)
		}
		for _, want := range []string{"terminated", "inbox", "OnThroughMessageReceived", "from the inbox", "All 1 rows", "timeline", "What to try next"} {
			if !strings.Contains(out, want) {
				t.Errorf("the output lacks %q:\n%s", want, out)
			}
		}
	}
}

func TestTheStoryHasEightRowsOfWhichOneWaits(t *testing.T) {
	t.Parallel()
	out, progress, err := show(t, Options{Story: true}, story())
	if err != nil {
		t.Fatalf("the story: %v\n%s", err, progress)
	}
	if done, waiting := strings.Count(out, "✓"), strings.Count(out, "○"); done != 7 || waiting != 1 {
		t.Errorf("%d rows are done and %d wait, want 7 and 1:\n%s", done, waiting, out)
	}
	for _, want := range []string{"waiting", stillWaits["terminated_by_user"], "All 8 rows", "One push still waits"} {
		if !strings.Contains(out, want) {
			t.Errorf("the story lacks %q:\n%s", want, out)
		}
	}
}

func TestAPushThatIsHandledThoughItIsToWaitIsNotAsExpected(t *testing.T) {
	t.Parallel()
	s := named(t, "android-suspended-both")
	s.left = true
	_, progress, err := show(t, Options{Story: true}, []spec{s})
	if !errors.Is(err, ErrUnexpected) || !strings.Contains(progress, "want it to wait") {
		t.Errorf("the demo ended with %v, want ErrUnexpected and why:\n%s", err, progress)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }

func TestADirectoryWithFormerPhonesIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "hush.db"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := Run(t.Context(), Options{Once: true, DataDir: dir, Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	if err == nil || !strings.Contains(err.Error(), dir) || errors.Is(err, ErrUnexpected) {
		t.Errorf("the demo in a directory that is not empty: %v; want it refused by its name", err)
	}
}

func TestADemoThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	err = Run(t.Context(), Options{Once: true, Listen: taken.Addr().String(), Out: &bytes.Buffer{}, Err: &bytes.Buffer{}})
	if err == nil || !strings.Contains(err.Error(), taken.Addr().String()) {
		t.Errorf("the demo on an address that is taken: %v; want an error that names it", err)
	}
}
