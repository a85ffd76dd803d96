package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

// roleEnv makes this very program one of the processes of a benchmark. Its value is the role as JSON.
const roleEnv = "HUSH_BENCH_ROLE"

// role is what a process of a benchmark is to do. It does it on standard output: first a line "ready …", then what it has to
// say.
type role struct {
	Apple  *appleRole  `json:",omitempty"`
	Sender *senderRole `json:",omitempty"`
}

// RunRole does what a benchmark has started this program for, and reports true; false if none has. The command asks it before
// anything else.
func RunRole() bool {
	text := os.Getenv(roleEnv)
	if text == "" {
		return false
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := runRole(ctx, text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func runRole(ctx context.Context, text string) error {
	var r role
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return fmt.Errorf("bench: %s: %w", roleEnv, err)
	}
	switch {
	case r.Apple != nil:
		return r.Apple.run(ctx, os.Stdout)
	case r.Sender != nil:
		return r.Sender.run(ctx, os.Stdout)
	}
	return fmt.Errorf("bench: %s names no role", roleEnv)
}

// command returns a command that runs this program in a role.
func (r role) command(self string) (*exec.Cmd, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), roleEnv+"="+string(text))
	return cmd, nil
}
