//go:build unix

package phonetest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/hushpush/hush/internal/child"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// Command is an app that runs as a real process, in a process group of its own. It reads events on standard input and
// writes answers to standard output, see package phoneline; what it writes to standard error, and every line on standard
// output that is not an answer, goes to the device log.
type Command struct {
	Path string   // required
	Args []string // without the command's name
	Env  []string // nil: the environment of the phone's own process
	Dir  string
}

// Launch starts the process. The kernel ends it if the process that holds the phone dies (Linux only).
func (c Command) Launch(h Host) (Instance, error) {
	cmd := exec.Command(c.Path, c.Args...)
	cmd.Env, cmd.Dir = c.Env, c.Dir
	cmd.WaitDelay = time.Second // for pipes that a process outside the group keeps open
	p := &process{cmd: cmd, host: h, out: make(chan []byte, maxQueue), gone: make(chan struct{}), asked: map[string]chan phoneline.Answer{}}
	stdout := &lineWriter{handle: p.answer}
	stderr := &lineWriter{handle: func(line []byte) { h.Log(cmd.Process.Pid, string(line)) }}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("phonetest: launching %s: %w", c.Path, err)
	}
	if err := child.Start(cmd); err != nil {
		return nil, fmt.Errorf("phonetest: launching %s: %w", c.Path, err)
	}
	p.writing.Go(func() { p.write(in) })
	h.Go(func() { p.wait(stdout, stderr) })
	return p, nil
}

// process is one run of a Command.
type process struct {
	cmd  *exec.Cmd
	host Host
	out  chan []byte   // lines for the app; a line that finds it full is lost, and that is logged
	gone chan struct{} // closed when the process has been waited for

	writing sync.WaitGroup

	mu     sync.Mutex
	asked  map[string]chan phoneline.Answer // guarded by mu; events without an answer so far
	killed bool                             // guarded by mu
}

func (p *process) PID() int { return p.cmd.Process.Pid }

func (p *process) Done() <-chan struct{} { return p.gone }

func (p *process) Send(e phoneline.Event) <-chan phoneline.Answer {
	answer := make(chan phoneline.Answer, 1)
	line, err := json.Marshal(e)
	if err != nil {
		p.host.Log(p.PID(), "phone: an event does not marshal: "+err.Error())
		return answer
	}
	p.mu.Lock()
	p.asked[e.ID] = answer
	p.mu.Unlock()
	select {
	case p.out <- append(line, '\n'):
	default:
		p.host.Log(p.PID(), "phone: the app does not read its standard input; an event is lost")
	}
	return answer
}

// write owns the app's standard input.
func (p *process) write(in io.WriteCloser) {
	defer in.Close()
	for {
		select {
		case line := <-p.out:
			if _, err := in.Write(line); err != nil {
				return // the process closed its input, or is gone
			}
		case <-p.gone:
			return
		}
	}
}

// answer handles a line of the app's standard output: an answer, or text for the device log.
func (p *process) answer(line []byte) {
	var a phoneline.Answer
	if bytes.HasPrefix(bytes.TrimSpace(line), []byte("{")) && json.Unmarshal(line, &a) == nil && a.ID != "" {
		p.mu.Lock()
		c := p.asked[a.ID]
		delete(p.asked, a.ID)
		p.mu.Unlock()
		if c != nil {
			c <- a
			return
		}
	}
	p.host.Log(p.PID(), string(line))
}

// wait reaps the process, and the rest of its group with it.
func (p *process) wait(outputs ...*lineWriter) {
	err := p.cmd.Wait()
	for _, w := range outputs {
		w.flush()
	}
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL) // children that it left behind
	close(p.gone)
	p.writing.Wait()
	p.mu.Lock()
	killed := p.killed
	p.mu.Unlock()
	if killed {
		return
	}
	why := "exit status 0"
	if err != nil {
		why = err.Error()
	}
	p.host.Exited(why)
}

// Suspend returns when the app has stopped (or ended).
func (p *process) Suspend() error {
	if err := p.signal(syscall.SIGSTOP); err != nil {
		return err
	}
	awaitStopped(p.PID())
	return nil
}

func (p *process) Resume() error { return p.signal(syscall.SIGCONT) }

// signal sends a signal to the whole group: a child of a suspended app must not run either.
func (p *process) signal(s syscall.Signal) error {
	select {
	case <-p.gone:
		return os.ErrProcessDone // its number may be another's by now
	default:
	}
	if err := syscall.Kill(-p.PID(), s); err != nil {
		return fmt.Errorf("phonetest: signal %s to the app: %w", s, err)
	}
	return nil
}

// Kill ends the group with SIGKILL, which no process can ignore, suspended or not.
func (p *process) Kill() {
	p.mu.Lock()
	p.killed = true
	p.mu.Unlock()
	if err := p.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.host.Log(p.PID(), "phone: "+err.Error())
		_ = p.cmd.Process.Kill()
	}
	<-p.gone
}

// lineWriter calls handle with each line that is written to it; a line that is too long is cut.
type lineWriter struct {
	handle func(line []byte)
	buf    []byte
}

func (w *lineWriter) Write(b []byte) (int, error) {
	w.buf = append(w.buf, b...)
	for {
		end, next := bytes.IndexByte(w.buf, '\n'), 1
		if end < 0 {
			if len(w.buf) < phoneline.MaxLineBytes {
				return len(b), nil
			}
			end, next = phoneline.MaxLineBytes, 0
		}
		w.handle(slices.Clone(bytes.TrimRight(w.buf[:end], "\r")))
		w.buf = w.buf[end+next:]
	}
}

// flush handles what was written last without the end of a line.
func (w *lineWriter) flush() {
	if len(w.buf) > 0 {
		w.handle(w.buf)
		w.buf = nil
	}
}
