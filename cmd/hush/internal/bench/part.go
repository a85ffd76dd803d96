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

// partEnv makes this very program one of the processes of a benchmark. Its value is the part as JSON.
const partEnv = "HUSH_BENCH_PART"

// part is what a process of a benchmark is to do. It does it on standard output: first a line "ready …", then what it has to
// say.
type part struct {
	Apple  *applePart  `json:",omitempty"`
	Sender *senderPart `json:",omitempty"`
}

// RunPart does what a benchmark has started this program for, and reports true; false if none has. The command asks it before
// anything else.
func RunPart() bool {
	text := os.Getenv(partEnv)
	if text == "" {
		return false
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := runPart(ctx, text); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

func runPart(ctx context.Context, text string) error {
	var p part
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return fmt.Errorf("bench: %s: %w", partEnv, err)
	}
	switch {
	case p.Apple != nil:
		return p.Apple.run(ctx, os.Stdout)
	case p.Sender != nil:
		return p.Sender.run(ctx, os.Stdout)
	}
	return fmt.Errorf("bench: %s names no part", partEnv)
}

// command returns a command that runs this program as a part.
func (p part) command(self string) (*exec.Cmd, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return nil, fmt.Errorf("bench: %w", err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), partEnv+"="+string(text))
	return cmd, nil
}
