package hushtest

import (
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
	"testing"

	"github.com/hushpush/hush/internal/child"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/internal/logged"
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
	*child.Process
	root push.Secret
}

// start starts the command and waits until it is ready. Its log goes where an in-process server's does.
func (c *command) start(ctx context.Context, set config.Config, log *logged.Buffer) (*process, error) {
	if err := isFree(set.Listen); err != nil {
		return nil, err
	}
	cmd := exec.Command(c.path, "serve")
	set.Log.Level = slog.LevelDebug
	cmd.Env = slices.Concat(config.WithoutSettings(os.Environ()), config.Environ(set), c.env)
	cmd.Stderr = log
	p, err := child.StartReady(ctx, cmd, nil)
	if err != nil {
		return nil, fmt.Errorf("%w\n%s", err, log)
	}
	root, err := os.ReadFile(filepath.Join(set.Data, "root.key"))
	if err != nil {
		return nil, errors.Join(err, p.Kill())
	}
	return &process{p, push.Secret(strings.TrimSpace(string(root)))}, nil
}

// isFree returns an error if an address cannot be listened on now. A process could only say so in its log.
func isFree(address string) error {
	ln, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	return ln.Close()
}

func (p *process) url() string { return "http://" + p.Addr() }

func (p *process) rootKey() push.Secret { return p.root }

// stop ends the process as a supervisor does.
func (p *process) stop(ctx context.Context) error { return p.Stop(ctx) }

// Kill ends the server's process with SIGKILL, at whatever it is just doing, and starts it again on the same data and
// address. It needs the option Command.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	p, ok := s.node.(*process)
	if !ok {
		t.Fatal("hushtest: Kill needs the option Command: a server in the test's own process cannot be killed")
	}
	if err := p.Process.Kill(); err != nil {
		t.Fatalf("hushtest: kill: %v", err)
	}
	s.start(t)
}
