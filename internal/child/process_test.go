package child_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hushpush/hush/internal/child"
)

// playEnv makes this test binary a child that plays a part.
const playEnv = "CHILD_PLAYS"

func TestMain(m *testing.M) {
	switch os.Getenv(playEnv) {
	case "":
		goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hushpush/hush/internal/child.launch"))
	case "server":
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		fmt.Println("ready listen=127.0.0.1:1\nand more")
		<-term
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("ready")
		time.Sleep(time.Hour)
	case "silent":
		time.Sleep(time.Hour)
	case "failing":
		os.Exit(3)
	}
}

func as(part string) *exec.Cmd {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), playEnv+"="+part)
	return cmd
}

func TestAChildIsReadyAndStops(t *testing.T) {
	t.Parallel()
	var printed string
	p, err := child.StartReady(t.Context(), as("server"), func(out *bufio.Reader) error {
		rest, err := io.ReadAll(out)
		printed = string(rest)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if p.Addr() != "127.0.0.1:1" {
		t.Errorf("it listens on %q, want 127.0.0.1:1", p.Addr())
	}
	for range 2 {
		if err := p.StopIn(time.Minute); err != nil {
			t.Errorf("stop: %v", err)
		}
	}
	if printed != "and more\n" {
		t.Errorf("read %q after the first line, want the second", printed)
	}
	if err := p.Wait(t.Context()); err != nil {
		t.Errorf("wait: %v", err)
	}
}

func TestAChildThatDoesNotStopIsKilled(t *testing.T) {
	t.Parallel()
	p, err := child.StartReady(t.Context(), as("stubborn"), nil)
	if err != nil {
		t.Fatal(err)
	}
	why := errors.New("too long")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	if err := p.Wait(ctx); !errors.Is(err, why) {
		t.Errorf("wait: %v, want that the context has ended", err)
	}
	if err := p.Stop(ctx); !errors.Is(err, why) {
		t.Errorf("stop: %v, want why it was killed", err)
	}
	if err := p.Kill(); err != nil {
		t.Errorf("a kill after the end: %v", err)
	}
}

func TestAChildThatIsNotReadyIsNotLeft(t *testing.T) {
	t.Parallel()
	var exit *exec.ExitError
	if _, err := child.StartReady(t.Context(), as("failing"), nil); !errors.Is(err, child.ErrNotReady) || !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("one that fails: %v, want ErrNotReady with its exit status 3", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	silent := as("silent")
	if _, err := child.StartReady(ctx, silent, nil); !errors.Is(err, context.Canceled) || silent.ProcessState == nil {
		t.Errorf("one that says nothing: %v, state %v; want that the context ended, and the process", err, silent.ProcessState)
	}
}
