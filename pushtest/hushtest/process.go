package hushtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/push"
)

// Command runs the server as a process of its own, such as Command("hush"), so that Kill can end it as a power cut would.
// env is added to the process's environment.
func Command(path string, env ...string) Option {
	return func(s *Server) { s.command = &command{path: path, env: env} }
}

type command struct {
	path string
	env  []string
}

// process is a running "hush serve".
type process struct {
	cmd    *exec.Cmd
	ended  chan error // gets what Wait said, once
	listen string
	root   push.Secret
}

// start starts the command and waits for its line "ready". Its log goes where an in-process server's does.
func (c *command) start(set config.Config, log *logs) (*process, error) {
	if err := isFree(set.Listen); err != nil {
		return nil, err
	}
	p := &process{cmd: exec.Command(c.path, "serve"), ended: make(chan error, 1)}
	set.Log.Level = slog.LevelDebug
	p.cmd.Env = slices.Concat(config.WithoutSettings(os.Environ()), config.Environ(set), c.env)
	p.cmd.Stderr = log
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if at, ok := strings.CutPrefix(lines.Text(), "ready listen="); ok {
			p.listen = at
			break
		}
	}
	go func() {
		for lines.Scan() {
		}
		p.ended <- p.cmd.Wait()
	}()
	if p.listen == "" {
		return nil, fmt.Errorf("the server ended before it was ready: %w\n%s", <-p.ended, log)
	}
	root, err := os.ReadFile(filepath.Join(set.Data, "root.key"))
	p.root = push.Secret(strings.TrimSpace(string(root)))
	return p, err
}

// isFree returns an error if an address cannot be listened on now. A process could only say so in its log.
func isFree(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return ln.Close()
}

func (p *process) url() string { return "http://" + p.listen }

func (p *process) rootKey() push.Secret { return p.root }

// stop ends the process as a supervisor does.
func (p *process) stop(ctx context.Context) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-p.ended:
		p.ended <- err
		return err
	case <-ctx.Done():
		return errors.Join(context.Cause(ctx), p.cmd.Process.Kill(), <-p.ended)
	}
}

// Kill ends the server's process with SIGKILL, at whatever it is just doing, and starts it again on the same data and
// address. It needs the option Command.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p, ok := s.node.(*process)
	if !ok {
		t.Fatal("hushtest: Kill needs the option Command: a server in the test's own process cannot be killed")
	}
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatalf("hushtest: kill: %v", err)
	}
	<-p.ended
	s.start(t)
}
