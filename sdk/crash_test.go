package sdk_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/sdk"
)

// helper is an app in a process of its own: the test binary, started again. It handles one wake and says on standard
// output what it does. The job is what its handler does: "hang" never returns, "wait" returns once standard input ends,
// "return" returns at once.
func helper(job string) {
	client, err := sdk.Open(sdk.Config{
		Server: os.Getenv("SDK_TEST_SERVER"), App: "notes", Dir: os.Getenv("SDK_TEST_DIR"), Platform: sdk.Android,
		Token:                func(context.Context) (string, error) { return "alice", nil },
		AnyBackgroundHandler: true,
	})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	client.OnThroughMessageReceived(func(context.Context, sdk.Message) sdk.FetchResult {
		fmt.Println("began")
		switch job {
		case "hang":
			select {}
		case "wait":
			_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		}
		return sdk.NewData
	})
	var data map[string]string
	if err := json.Unmarshal([]byte(os.Getenv("SDK_TEST_DATA")), &data); err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	fmt.Println("handling")
	_, err = client.HandleRemoteMessage(context.Background(), data)
	fmt.Println("done", err)
	select {} // a phone's process does not end by itself
}

// process is a helper that runs.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines chan string
	stdin interface{ Close() error }
}

func startProcess(t *testing.T, b *backend, dir, job string, w protocol.SealedWake) *process {
	t.Helper()
	message, _ := json.Marshal(data(w))
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SDK_TEST_JOB="+job, "SDK_TEST_SERVER="+b.http.URL, "SDK_TEST_DIR="+dir, "SDK_TEST_DATA="+string(message))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: cmd, lines: make(chan string, 100), stdin: stdin}
	go func() {
		defer close(p.lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			p.lines <- s.Text()
		}
	}()
	t.Cleanup(p.kill)
	return p
}

// expect reads the next line.
func (p *process) expect(want string) {
	p.t.Helper()
	select {
	case line := <-p.lines:
		if strings.TrimSpace(line) != want {
			p.t.Fatalf("the process said %q, want %q", line, want)
		}
	case <-time.After(60 * time.Second):
		p.t.Fatalf("the process said nothing for 60s, want %q", want)
	}
}

// silent checks that the process has said nothing more so far.
func (p *process) silent() {
	p.t.Helper()
	select {
	case line, ok := <-p.lines:
		if ok {
			p.t.Errorf("the process said %q, want nothing", line)
		}
	default:
	}
}

// suspend stops the process at a moment when it does not hold the lock on the directory, as it does for milliseconds.
func (p *process) suspend(dir string) {
	p.t.Helper()
	lock, err := os.Open(filepath.Join(dir, "hush.lock"))
	if err != nil {
		p.t.Fatal(err)
	}
	defer lock.Close()
	waitFor(p.t, "a moment without the lock", func() bool {
		_ = p.cmd.Process.Signal(syscall.SIGSTOP)
		var status syscall.WaitStatus // of a child that has stopped: the signal takes effect a moment later
		if _, err := syscall.Wait4(p.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
			p.t.Fatalf("stopping the process: %v, status %#x", err, status)
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			return true // closing frees it
		}
		_ = p.cmd.Process.Signal(syscall.SIGCONT)
		return false
	})
}

// kill ends the process as a system does: at once.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	for range p.lines { // until its output has ended
	}
}

// phone is a device that is registered, and its directory.
func phone(t *testing.T) (*backend, string) {
	t.Helper()
	b := newBackend(t)
	dir := t.TempDir()
	a := openApp(t, b, dir, func(c *sdk.Config) { c.Platform = sdk.Android }).handle()
	if err := a.RegisterPush(context.Background(), sdk.Registration{ProviderToken: "t", Package: "com.example.notes"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return b, dir
}

func TestKilledAfterItsHandlerReturnedIsNotRunAgain(t *testing.T) {
	t.Parallel()
	b, dir := phone(t)
	push1 := b.accept("alice", "1", time.Hour)
	first := startProcess(t, b, dir, "return", b.wake(push1))
	first.expect("handling")
	first.expect("began")
	first.expect("done <nil>")
	first.kill()
	second := startProcess(t, b, dir, "return", b.wake(push1))
	second.expect("handling")
	second.expect("done <nil>") // and not began
	if got := b.final(push1); got.result != push.NewData {
		t.Errorf("result %q, want new_data", got.result)
	}
}

func TestKilledWhileItsHandlerRanRunsAgainAndAfterThreeTimesIsGivenUp(t *testing.T) {
	t.Parallel()
	b, dir := phone(t)
	p := b.accept("alice", "1", time.Hour)
	for range 3 {
		hung := startProcess(t, b, dir, "hang", b.wake(p))
		hung.expect("handling")
		hung.expect("began")
		hung.kill()
	}
	fourth := startProcess(t, b, dir, "return", b.wake(p))
	fourth.expect("handling")
	fourth.expect("done <nil>") // and not began
	b.final(p)
	events := b.events(p)
	if last := events[len(events)-1]; last != push.ReceiptCrashed {
		t.Errorf("the device reported %v, want crashed at last", events)
	}
}

func TestKilledOnceWhileItsHandlerRanIsHandledByTheNextProcess(t *testing.T) {
	t.Parallel()
	b, dir := phone(t)
	p := b.accept("alice", "1", time.Hour)
	hung := startProcess(t, b, dir, "hang", b.wake(p))
	hung.expect("handling")
	hung.expect("began")
	hung.kill()
	next := startProcess(t, b, dir, "return", b.wake(p))
	next.expect("handling")
	next.expect("began")
	next.expect("done <nil>")
	if got := b.final(p); got.result != push.NewData {
		t.Errorf("result %q, want new_data", got.result)
	}
}

func TestAnotherProcessWaitsForTheOneThatRunsTheHandler(t *testing.T) {
	t.Parallel()
	b, dir := phone(t)
	p := b.accept("alice", "1", time.Hour)
	first := startProcess(t, b, dir, "wait", b.wake(p))
	first.expect("handling")
	first.expect("began")
	second := startProcess(t, b, dir, "return", b.wake(p))
	second.expect("handling")
	second.silent()
	_ = first.stdin.Close()
	first.expect("done <nil>")
	second.expect("done <nil>") // and not began
	b.final(p)
}

func TestAnotherProcessTakesOverFromOneThatWasKilled(t *testing.T) {
	t.Parallel()
	b, dir := phone(t)
	p := b.accept("alice", "1", time.Hour)
	first := startProcess(t, b, dir, "hang", b.wake(p))
	first.expect("handling")
	first.expect("began")
	first.suspend(dir) // with its memory kept: it may still return
	second := startProcess(t, b, dir, "return", b.wake(p))
	second.expect("handling")
	second.silent()
	first.kill()
	second.expect("began")
	second.expect("done <nil>")
	b.final(p)
}
