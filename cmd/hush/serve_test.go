package main

import (
	"github.com/hushpush/hush/internal/store/pgtest"

	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asHush makes this test binary the command itself, for what only a process has: signals, and a real environment.
const asHush = "HUSH_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asHush) != "" {
		main()
		return
	}
	os.Exit(pgtest.Main(m))
}

// process starts the command as a process of its own. It is killed at the end of the test if it is still there.
func process(t *testing.T, env []string, args ...string) (*exec.Cmd, *bufio.Scanner, *strings.Builder) {
	t.Helper()
	var errout strings.Builder
	cmd, lines := startProcess(t, &errout, env, args...)
	return cmd, lines, &errout
}

// processWithLog does what process does; standard error is read while it runs.
func processWithLog(t *testing.T, args ...string) (*exec.Cmd, *bufio.Scanner, *logLines) {
	t.Helper()
	var log logLines
	cmd, lines := startProcess(t, &log, nil, args...)
	return cmd, lines, &log
}

func startProcess(t *testing.T, errout io.Writer, env []string, args ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), append(env, asHush+"=1")...)
	cmd.Dir = t.TempDir()
	cmd.Stderr = errout
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	cmd.WaitDelay = 10 * time.Second // for standard error, should a child still have it
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait() // before its directories are removed; an error if the test has waited, too
	})
	return cmd, bufio.NewScanner(out)
}

// served starts a server in this process and answers the environment of its root key.
func served(t *testing.T) (env map[string]string, url string) {
	t.Helper()
	dir := t.TempDir()
	line, _ := background(t, nil, "serve", "--data", dir, "--listen", "127.0.0.1:0", "--log-level", "error")
	url = "http://" + readyAddress(t, line, "listen")
	key, err := os.ReadFile(filepath.Join(dir, "root.key"))
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"HUSH_SERVER": url, "HUSH_KEY": string(key), "HUSH_APP": "notes"}, url
}

func TestEachWrongSettingIsALine(t *testing.T) {
	t.Parallel()
	got := hush(t, nil, "", "serve", "--listen", "x", "--log-level", "lod")
	const want = "hush: listen (--listen): is \"x\"; want host:port, such as 127.0.0.1:8080\n" +
		"hush: log.level (--log-level): is \"lod\"; want debug, info, warn or error\nSee 'hush serve --help'.\n"
	if got.code != exitUsage || got.errout != want {
		t.Errorf("exit %d, said\n%swant 2 and\n%s", got.code, got.errout, want)
	}
}

func TestTheCommandLineAndTheServerUnderstandEachOther(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	for _, test := range []struct {
		args  string
		stdin string
		code  int
		says  string
	}{
		{args: "app get notes", code: exitRefused, says: "404 not_found"},
		{args: "app put notes", says: "app notes made"},
		{args: "app put notes", says: "app notes was there"},
		{args: "app put No", code: exitRefused, says: "bad_id"},
		{args: "app list", says: "notes"},
		{args: "key create --role send", says: "secret"},
		{args: "key create --role king", code: exitUsage, says: "role"},
		{args: "key list", says: "send"},
		{args: "provider list", says: "no credentials of app notes"},
		{args: "provider put fcm --service-account -", stdin: `{"type":"x"}`, code: exitRefused, says: "bad_credential"},
		{args: "resource put both --file -", stdin: `{"apns":{},"fcm":{}}`, says: "resource both made"},
		{args: "resource put both --file -", stdin: `{"apns":{"ttl":"1h"},"fcm":{}}`, says: "resource both saved"},
		{args: "resource put loud --file -", stdin: `{"apns":{"sound":"x"}}`, code: exitRefused, says: "not_silent"},
		{args: "resource put none --file -", stdin: `{`, code: exitRefused, says: "bad_json"},
		{args: "resource get both", says: "1h"},
		{args: "resource list", says: "both"},
		{args: "user token alice", says: "eyJ"},
		{args: "user tags alice beta", says: "beta"},
		{args: "device list --user alice", says: "no devices of user alice"},
		{args: "device get d1", code: exitRefused, says: "not_found"},
		{args: "push --to user:alice --resource both --payload x --dry-run", says: "nothing was sent"},
		{args: "push --to user:alice --resource both --payload x", says: "user alice has no device yet"},
		{args: "push --to tag:beta --resource both --payload x", says: "push"},
		{args: "push --to user:alice --resource nope", code: exitRefused, says: "unknown_resource"},
		{args: "push --to device:d1 --resource both", code: exitRefused, says: "unknown_device"},
		{args: "push --to user:alice --resource both --ttl -1s", code: exitRefused, says: "body.ttl"},
		{args: "trace 0198c0de-0000-7000-8000-000000000000", code: exitRefused, says: "not_found"},
		{args: "resource delete both", says: "deleted"},
		{args: "app delete notes", code: exitUsage, says: "--yes"}, // nobody is there to be asked
		{args: "app get notes", says: "notes"},
		{args: "app delete notes -y", says: "deleted"},
		{args: "app delete notes -y", code: exitRefused, says: "not_found"},
	} {
		got := hush(t, env, test.stdin, strings.Fields(test.args)...)
		if got.code != test.code || !strings.Contains(got.out+got.errout, test.says) {
			t.Errorf("hush %s: exit %d, printed %q, said %q; want exit %d and %q", test.args, got.code, got.out, got.errout, test.code, test.says)
		}
	}
}

func TestTraceOfAPushWhoseTimeRanOutExitsFour(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	hush(t, env, `{"apns":{},"fcm":{}}`, "resource", "put", "both", "--file", "-")
	var accepted struct {
		PushID     string `json:"push_id"`
		Deliveries int
	}
	sent := hush(t, env, "", "push", "--to", "user:alice", "--resource", "both", "--ttl", "1s", "--json")
	if err := json.Unmarshal([]byte(sent.out), &accepted); err != nil || accepted.PushID == "" || accepted.Deliveries != 1 {
		t.Fatalf("push --json printed %q (%v, %s), want a push_id and one delivery", sent.out, err, sent.errout)
	}
	open := hush(t, env, "", "trace", accepted.PushID, "--no-follow")
	if open.code != exitDone && open.code != exitNotHandled { // a slow machine may find it expired already
		t.Errorf("trace --no-follow: exit %d, %s", open.code, open.errout)
	}
	got := hush(t, env, "", "trace", accepted.PushID)
	if got.code != exitNotHandled || !strings.Contains(got.out, "expired (ttl)") {
		t.Errorf("trace: exit %d, %s, printed\n%s\nwant 4 and expired (ttl)", got.code, got.errout, got.out)
	}
	asJSON := hush(t, env, "", "trace", accepted.PushID, "--json")
	var final struct{ Final bool }
	if err := json.Unmarshal([]byte(asJSON.out), &final); err != nil || !final.Final || asJSON.code != exitNotHandled {
		t.Errorf("trace --json: exit %d, printed %q; want 4 and final", asJSON.code, asJSON.out)
	}
}

func TestCancelEndsWhatIsOpen(t *testing.T) {
	t.Parallel()
	env, _ := served(t)
	hush(t, env, "", "app", "put", "notes")
	hush(t, env, `{"apns":{}}`, "resource", "put", "ios", "--file", "-")
	var accepted struct {
		PushID string `json:"push_id"`
	}
	sent := hush(t, env, "", "push", "--to", "user:alice", "--resource", "ios", "--json")
	if err := json.Unmarshal([]byte(sent.out), &accepted); err != nil {
		t.Fatalf("push --json printed %q: %v, %s", sent.out, err, sent.errout)
	}
	if got := hush(t, env, "", "cancel", accepted.PushID); got.code != exitDone || !strings.Contains(got.out, "1 cancelled") {
		t.Errorf("cancel: exit %d, %q %s; want 1 cancelled", got.code, got.out, got.errout)
	}
	if got := hush(t, env, "", "trace", accepted.PushID); got.code != exitNotHandled || !strings.Contains(got.out, "cancelled") {
		t.Errorf("trace: exit %d, %q %s; want 4 and cancelled", got.code, got.out, got.errout)
	}
}

func TestServeSaysReadyFirstAndDrainsOnSIGTERM(t *testing.T) {
	t.Parallel()
	for _, sig := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		dir := filepath.Join(t.TempDir(), "data")
		cmd, lines, errout := process(t, []string{"HUSH_LISTEN=127.0.0.1:0"}, "serve", "--data", dir)
		if !lines.Scan() {
			t.Fatalf("no line on standard output; standard error:\n%s", errout)
		}
		addr := readyAddress(t, lines.Text(), "listen")
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("GET /readyz: %d, want 200", resp.StatusCode)
		}
		for _, name := range []string{"root.key", "secret.key"} {
			if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v; want mode 0600", name, info, err)
			}
		}
		began := time.Now()
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		for lines.Scan() {
			t.Errorf("more on standard output: %q", lines.Text())
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("after %v: %v, want exit 0; standard error:\n%s", sig, err, errout)
		}
		t.Logf("ended %v after %v", time.Since(began), sig)
		if !strings.Contains(errout.String(), "root.key") {
			t.Errorf("standard error does not say where the keys are:\n%s", errout)
		}
	}
}

func TestASecondServerOnOneDataDirectoryIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	line, _ := background(t, nil, "serve", "--data", dir, "--listen", "127.0.0.1:0")
	readyAddress(t, line, "listen")
	got := hush(t, nil, "", "serve", "--data", dir, "--listen", "127.0.0.1:0")
	if got.code != exitRefused || got.out != "" || !strings.Contains(got.errout, dir) {
		t.Errorf("exit %d, printed %q, said %q; want 1, nothing, and the directory", got.code, got.out, got.errout)
	}
}

func TestAServerThatWaitsForAnotherOneSaysWhichSignalEndedIt(t *testing.T) {
	t.Parallel()
	dir, database := t.TempDir(), []string{"--database", pgtest.URL(t)}
	for what, args := range map[string]func() []string{
		"data directory " + dir: func() []string { return []string{"serve", "--listen", "127.0.0.1:0", "--data", dir} },
		"database ": func() []string {
			return append([]string{"serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()}, database...)
		},
	} {
		line, _ := background(t, nil, args()...)
		readyAddress(t, line, "listen")
		for sig, want := range map[os.Signal]struct {
			code int
			says string
		}{syscall.SIGTERM: {exitTerminated, ": ended by SIGTERM\n"}, os.Interrupt: {exitInterrupted, ": ended by Ctrl-C\n"}} {
			var log logLines
			cmd, lines := startProcess(t, &log, nil, args()...)
			log.await(t, "in the way", 1)
			if err := cmd.Process.Signal(sig); err != nil {
				t.Fatal(err)
			}
			for lines.Scan() {
				t.Errorf("on standard output: %q", lines.Text())
			}
			_ = cmd.Wait() // judged by its exit code
			said := log.with("hush: ")
			if code := cmd.ProcessState.ExitCode(); code != want.code || len(said) != 1 || !strings.Contains(said[0], "waiting for the "+what) || !strings.HasSuffix(said[0], want.says) {
				t.Errorf("%s: exit %d, said %q; want %d, and %q", sig, code, said, want.code, want.says)
			}
		}
	}
}

func TestServeRefusesWhatItCannotDoBeforeItListens(t *testing.T) {
	t.Parallel()
	busy, _ := background(t, nil, "serve", "--data", t.TempDir(), "--listen", "127.0.0.1:0")
	taken := readyAddress(t, busy, "listen")
	yaml := filepath.Join(t.TempDir(), "hush.yaml")
	if err := os.WriteFile(yaml, []byte("delivery:\n  ack_wait: 5\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--config", yaml}, exitUsage, "delivery.ack_wait (" + yaml + ":2)"},
		{[]string{"--listen", "8080"}, exitUsage, "listen (--listen)"},
		{[]string{"--nope"}, exitUsage, "--nope"},
		{[]string{"extra"}, exitUsage, "extra"},
		{[]string{"--listen", taken}, exitRefused, "address already in use"},
		{[]string{"--listen", "127.0.0.1:0", "--apns-ca", "/nowhere.pem"}, exitRefused, "apns.ca"},
		{[]string{"--listen", "127.0.0.1:0", "--tls-cert", "/nowhere.pem", "--tls-key", "/nowhere.key"}, exitRefused, "tls_cert"},
		{[]string{"--database", "postgres://nobody@127.0.0.1:1/none?connect_timeout=2"}, exitRefused, "127.0.0.1"},
	} {
		got := hush(t, nil, "", append([]string{"serve", "--data", t.TempDir()}, test.args...)...)
		if got.code != test.code || got.out != "" || !strings.Contains(got.errout, test.says) {
			t.Errorf("serve %q: exit %d, printed %q, said %q; want exit %d, nothing, and %q", test.args, got.code, got.out, got.errout, test.code, test.says)
		}
	}
}

func TestServeGoesOnWithTheKeysAndRowsItHad(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	env := map[string]string{"HUSH_APP": "notes"}
	start := func() func() (int, string) {
		line, stop := background(t, nil, "serve", "--data", dir, "--listen", "127.0.0.1:0")
		key, err := os.ReadFile(filepath.Join(dir, "root.key"))
		if err != nil {
			t.Fatal(err)
		}
		env["HUSH_SERVER"], env["HUSH_KEY"] = "http://"+readyAddress(t, line, "listen"), string(key)
		return stop
	}
	stop := start()
	hush(t, env, "", "app", "put", "notes")
	if code, errout := stop(); code != exitDone {
		t.Fatalf("stopped: exit %d, %s", code, errout)
	}
	start()
	if got := hush(t, env, "", "app", "get", "notes"); got.code != exitDone {
		t.Errorf("app get notes after the restart: exit %d, %s; want 0", got.code, got.errout)
	}
}

// Example shows what a script sees of a server that is not there.
func Example() {
	env := map[string]string{"HUSH_SERVER": "http://127.0.0.1:1", "HUSH_KEY": "k"}
	code := run(context.Background(), []string{"app", "list"}, world{
		stdin: strings.NewReader(""), stdout: os.Stdout, stderr: discard{}, getenv: func(name string) string { return env[name] },
	})
	fmt.Println("exit status", code)
	// Output: exit status 3
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
