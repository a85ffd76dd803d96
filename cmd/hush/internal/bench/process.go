package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/hushpush/hush/internal/child"
)

// stopWait is how long a process may take to end after SIGTERM, before it is killed. A server takes up to 9 s.
const stopWait = 12 * time.Second

// process is one that a benchmark has started, and that is ready.
type process struct {
	cmd   *exec.Cmd
	addr  string        // where it listens
	out   *bufio.Reader // what follows its line "ready"; owned by the reader that start was given
	tail  *tail         // of its standard error
	ended chan struct{} // closed when it has ended, and its output is read
	err   error         // what Wait said; set before ended is closed
}

// start starts a command and waits for its line "ready listen=ADDRESS", or "ready" alone. read gets what follows, until its
// end; nil: nobody reads it.
func start(ctx context.Context, cmd *exec.Cmd, read func(*bufio.Reader) error) (*process, error) {
	p := &process{cmd: cmd, tail: &tail{}, ended: make(chan struct{})}
	cmd.Stderr = p.tail
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	if err := child.Start(cmd); err != nil {
		return nil, fmt.Errorf("bench: starting %s: %w", cmd.Path, err)
	}
	p.out = bufio.NewReaderSize(out, 1<<16)
	ready := make(chan string, 1)
	go func() {
		defer close(p.ended)
		first, _ := p.out.ReadString('\n')
		ready <- first
		var readErr error
		if read != nil {
			readErr = read(p.out)
		}
		_, _ = io.Copy(io.Discard, p.out)
		p.err = errors.Join(cmd.Wait(), readErr)
	}()
	select {
	case first := <-ready:
		if !strings.HasPrefix(first, "ready") {
			p.stop()
			return nil, fmt.Errorf("bench: a process ended before it was ready: %w: %s", p.err, p.tail)
		}
		_, p.addr, _ = strings.Cut(strings.TrimSpace(first), "listen=")
		return p, nil
	case <-ctx.Done():
		p.stop()
		return nil, context.Cause(ctx)
	}
}

// pid returns the process's number.
func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(stopWait):
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// wait waits until the process has ended by itself, and returns why that was an error.
func (p *process) wait(ctx context.Context) error {
	select {
	case <-p.ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if p.err != nil {
		return fmt.Errorf("bench: a process failed: %w: %s", p.err, p.tail)
	}
	return nil
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
