package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/hushpush/hush/internal/child"
)

// process is one that a benchmark has started, and that is ready.
type process struct {
	*child.Process
	addr string // where it listens
	tail *tail  // of its standard error
}

// start starts a command and waits until it is ready. read gets what it prints then, until its end; nil: nobody reads it.
func start(ctx context.Context, cmd *exec.Cmd, read func(*bufio.Reader) error) (*process, error) {
	p := &process{tail: &tail{}}
	cmd.Stderr = p.tail
	var err error
	p.Process, err = child.StartReady(ctx, cmd, read)
	switch {
	case errors.Is(err, child.ErrNotReady):
		return nil, fmt.Errorf("bench: %w: %s", err, p.tail)
	case err != nil:
		return nil, fmt.Errorf("bench: %w", err)
	}
	p.addr = p.Addr()
	return p, nil
}

// stop ends the process and waits for it. How it ends is no matter: what was to be measured is.
func (p *process) stop() { _ = p.StopIn(child.StopWait) }

// wait waits until the process has ended by itself, and returns why that was an error.
func (p *process) wait(ctx context.Context) error {
	err := p.Wait(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return err
	}
	return fmt.Errorf("bench: a process failed: %w: %s", err, p.tail)
}

// tail keeps the end of what is written to it.
type tail struct{ kept []byte }

const tailBytes = 2_000

func (t *tail) Write(b []byte) (int, error) {
	t.kept = append(t.kept, b...)
	if over := len(t.kept) - tailBytes; over > 0 {
		t.kept = t.kept[over:]
	}
	return len(b), nil
}

// String returns it; only once the process has ended.
func (t *tail) String() string { return strings.TrimSpace(string(t.kept)) }
