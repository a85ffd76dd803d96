package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// StopWait is how long a child may take to end after SIGTERM before it is killed. hush serve takes up to 9 s.
const StopWait = 12 * time.Second

// Process is a child that has reported that it is ready. Its methods may be called concurrently, and again.
type Process struct {
	cmd   *exec.Cmd
	addr  string
	ended chan struct{} // closed when it has ended and its output is read
	err   error         // of Wait; set before ended is closed
}

// ErrNotReady is of a child whose first line is not that it is ready. Mostly it has ended, and its standard error has the
// reason.
var ErrNotReady = errors.New("the process ended before it was ready")

// StartReady starts a command as Start does, and waits until it prints the line "ready listen=ADDRESS", or one that begins with
// "ready". read gets what it prints after that; nil: it is thrown away. If ctx ends first, or the child does, nothing of it is
// left.
func StartReady(ctx context.Context, cmd *exec.Cmd, read func(*bufio.Reader) error) (*Process, error) {
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("child: %w", err)
	}
	if err := Start(cmd); err != nil {
		return nil, fmt.Errorf("child: starting %s: %w", cmd.Path, err)
	}
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	first := make(chan string, 1)
	go p.follow(bufio.NewReaderSize(pipe, 1<<16), first, read)
	select {
	case line := <-first:
		if !strings.HasPrefix(line, "ready") {
			return nil, fmt.Errorf("%w: %w", ErrNotReady, p.StopIn(StopWait))
		}
		_, p.addr, _ = strings.Cut(strings.TrimSpace(line), "listen=")
		return p, nil
	case <-ctx.Done():
		_ = p.StopIn(StopWait)
		return nil, context.Cause(ctx)
	}
}

// follow reads what the child prints until its end.
func (p *Process) follow(out *bufio.Reader, first chan<- string, read func(*bufio.Reader) error) {
	defer close(p.ended)
	line, _ := out.ReadString('\n')
	first <- line
	var readErr error
	if read != nil && strings.HasPrefix(line, "ready") {
		readErr = read(out)
	}
	_, _ = io.Copy(io.Discard, out)
	p.err = errors.Join(p.cmd.Wait(), readErr)
}

// Addr returns where the child listens; "" if it has not said so.
func (p *Process) Addr() string { return p.addr }

// PID returns the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Wait waits until the child has ended, and returns why that was an error.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stop ends the child as a supervisor does, with SIGTERM, and waits for it; once ctx has ended it kills it. The error is that
// of Wait, with ctx's if it was killed.
func (p *Process) Stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return errors.Join(err, p.Kill())
	}
	select {
	case <-p.ended:
		return p.err
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.Kill(), p.err)
	}
}

// StopIn does what Stop does, with a context that ends after a time.
func (p *Process) StopIn(wait time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(context.Background(), wait, errors.New("the process did not end, and was killed"))
	defer cancel()
	return p.Stop(ctx)
}

// Kill ends the child with SIGKILL, at whatever it is just doing, and waits for it.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-p.ended
	return nil
}
