package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
		// The thread that starts all apps stays, see phonetest/process_linux.go.
		goleak.IgnoreAnyFunction("github.com/hushpush/hush/pushtest/phonetest.start.func1.1"))
}

// demoWait is how long a test waits for the whole demo, on a machine that has other things to do.
const demoWait = 2 * time.Minute

// run runs the demo and returns what it wrote.
func run(t *testing.T, o Options) (out, progress string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), demoWait)
	defer cancel()
	var outBuf, errBuf bytes.Buffer
	o.Out, o.Err = &outBuf, &errBuf
	err = Run(ctx, o)
	return outBuf.String(), errBuf.String(), err
}

func TestEveryRowIsAsExpected(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	out, progress, err := run(t, Options{Once: true, JSON: true})
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

// processesWith are the processes whose environment names a directory below dir; none where the system does not tell.
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
	progress := writerFunc(func(b []byte) (int, error) {
		if bytes.HasPrefix(b, []byte("[")) {
			cancel() // the first row is done, others are under way
		}
		return len(b), nil
	})
	if err := Run(ctx, Options{Once: true, Out: &bytes.Buffer{}, Err: progress}); !errors.Is(err, context.Canceled) {
		t.Errorf("the demo ended with %v, want context.Canceled", err)
	}
	if left, _ := filepath.Glob(filepath.Join(temp, "*")); len(left) > 0 {
		t.Errorf("the demo left %v behind", left)
	}
	if apps := processesWith(t, temp); len(apps) > 0 {
		t.Errorf("the demo left processes behind: %v", apps)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
