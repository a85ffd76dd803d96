package store

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"
)

// turnWait is how long a process waits for the one before it. It is longer than a supervisor gives a process to end, and
// than PostgreSQL takes to find that a machine has vanished (keepalive).
const turnWait = 15 * time.Second

// turnLook is how often it looks.
const turnLook = 100 * time.Millisecond

// holder is the process that has a database, as others are told of it.
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

// String describes the process behind "another hush process"; "" if nothing is known of it.
func (h holder) String() string {
	if h.Node == "" {
		return ""
	}
	return fmt.Sprintf(" (host %s, pid %d, since %s)", printable(h.Host), h.PID, h.Since.Format(time.RFC3339))
}

// attrs are what the log has of the process; none if nothing is known of it.
func (h holder) attrs() []any {
	if h.Node == "" {
		return nil
	}
	return []any{"host", h.Host, "pid", h.PID, "since", h.Since}
}

// BusyError says that another process has what this one needs.
type BusyError struct {
	What   string // such as "data directory /var/lib/hush"
	By     string // who, behind "another hush process"; "" if that is not known
	Waited time.Duration
}

// Error also says what to do.
func (e *BusyError) Error() string {
	still := ""
	if e.Waited > 0 {
		still = fmt.Sprintf(", also after %s", e.Waited)
	}
	return fmt.Sprintf("store: the %s is in use by another hush process%s%s; one serves it at a time: stop that one, or name another", e.What, e.By, still)
}

// turnstile is how long one waits for another process to end. Its time is shared by all that is waited for.
type turnstile struct {
	log   *slog.Logger
	span  time.Duration
	until time.Time
}

func newTurnstile(wait time.Duration, log *slog.Logger) turnstile {
	wait = max(wait, 0)
	return turnstile{log: log, span: wait, until: time.Now().Add(wait)}
}

// wait calls try until it is true or the time is over; then the error is a *BusyError. heldBy says who is in the way. An error
// of try is final at first. Once somebody is known to be in the way it is final only when the time is over, as PostgreSQL may
// restart while one waits.
func (t turnstile) wait(ctx context.Context, what string, try func() (bool, error), currentHolder func(context.Context) holder) error {
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

// gaveUp says why the wait ended with ctx.
func waitError(ctx context.Context, what string) error {
	return fmt.Errorf("store: waiting for the %s: %w", what, context.Cause(ctx))
}

// printable is a text of somebody else's on one line.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
