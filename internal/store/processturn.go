package store

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
)

// turnWait is how long a process waits for the previous one by default. It is longer than supervisors let a process take to end, and
// than PostgreSQL takes to notice by keepalives that a machine is gone.
const turnWait = 15 * time.Second

// turnLook is how often a waiting process tries again.
const turnLook = 100 * time.Millisecond

// holder describes the process that has a database or a data directory, for other processes.
type holder struct {
	Node  string    `json:"node"`
	Host  string    `json:"host"`
	PID   int       `json:"pid"`
	Since time.Time `json:"since"`
}

func newHolder(node string) holder {
	host, _ := os.Hostname() // "" if it has none
	return holder{Node: node, Host: host, PID: os.Getpid(), Since: time.Now().UTC().Truncate(time.Second)}
}

// String returns a description to follow "another hush process"; "" if the process is unknown.
func (h holder) String() string {
	if h.Node == "" {
		return ""
	}
	return fmt.Sprintf(" (host %s, pid %d, since %s)", printable(h.Host), h.PID, h.Since.Format(time.RFC3339))
}

// attrs returns the attributes of the process for the log; none if it is unknown.
func (h holder) attrs() []any {
	if h.Node == "" {
		return nil
	}
	return []any{"host", h.Host, "pid", h.PID, "since", h.Since}
}

// BusyError reports that another process has the data directory or the database.
type BusyError struct {
	What   string // such as "data directory /var/lib/hush"
	By     string // a description to follow "another hush process"; "" if the process is unknown
	Waited time.Duration
}

// Error returns a text that also says what to do.
func (e *BusyError) Error() string {
	still := ""
	if e.Waited > 0 {
		still = fmt.Sprintf(", even after a wait of %s", e.Waited)
	}
	return fmt.Sprintf("store: the %s is in use by another hush process%s%s; one serves it at a time: stop that one, or name another", e.What, e.By, still)
}

// processTurn waits for another process to end. All waits share its time.
type processTurn struct {
	log   *slog.Logger
	span  time.Duration
	until time.Time
}

func newProcessTurn(wait time.Duration, log *slog.Logger) processTurn {
	wait = max(wait, 0)
	return processTurn{log: log, span: wait, until: time.Now().Add(wait)}
}

// wait calls try until it returns true. When the time is up, it returns a *BusyError with the currentHolder. An error of try is final
// at first. Once try has returned false, an error is final only when the time is up, since PostgreSQL may restart during the wait.
func (t processTurn) wait(ctx context.Context, what string, try func() (bool, error), currentHolder func(context.Context) holder) error {
	for waits := false; ; waits = true {
		done, err := try()
		over := !time.Now().Before(t.until)
		switch {
		case waits && !done && ctx.Err() != nil:
			return waitError(ctx, what)
		case done, err != nil && (over || !waits):
			return err
		case err != nil:
		case over:
			return &BusyError{What: what, By: currentHolder(ctx).String(), Waited: t.span}
		case !waits:
			t.log.Warn("another hush process is in the way: waiting for its end",
				append([]any{"for", what, "until", t.until.UTC().Format(time.RFC3339)}, currentHolder(ctx).attrs()...)...)
		}
		select {
		case <-ctx.Done():
			return waitError(ctx, what)
		case <-time.After(turnLook):
		}
	}
}

// waitError returns the error of a wait that ctx has ended.
func waitError(ctx context.Context, what string) error {
	return fmt.Errorf("store: waiting for the %s: %w", what, context.Cause(ctx))
}

// printable returns a foreign text without control characters, so on one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
