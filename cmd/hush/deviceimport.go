package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func newDeviceImport(w world) *cobra.Command {
	cmd, _ := w.client(&cobra.Command{
		Use: "import FILE", Short: "Import devices that were registered elsewhere, from NDJSON", Args: wantArgs("FILE"),
		Long: `Import devices that were registered elsewhere. FILE (- is standard input) has one device a line, as JSON:

  {"user": "alice", "device_id": "d1", "platform": "ios",
   "bundle_id": "com.example.notes", "environment": "production",
   "provider_token": "00fc13ad…"}

(each on one line). FILE may be of any size: lines are sent as they are read. A refused line does not prevent the import of
the others; standard error names the line and the reason. Importing a file again is safe. A device gets its credential when
its owner next registers it.

With --json the API's answer is printed as it comes, an object a line.

Exit status: 0 every line was imported, 1 at least one was refused.`,
		Example: "  hush device import --app notes devices.ndjson\n  export-devices | hush device import --app notes -",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		from, err := w.open("FILE", args[0])
		if err != nil {
			return err
		}
		defer from.Close()
		run := importing{r: r}
		err = run.send(ctx, from)
		run.sum(err)
		if err == nil && run.refused > 0 {
			err = &exitError{exitRefused}
		}
		return err
	})
	cmd.ValidArgsFunction = nil // FILE is a file
	return cmd
}

// importing is an import on its way.
type importing struct {
	r                     *remote
	fresh, known, refused int // lines that are answered
	last                  int // the last of them
}

// importTold is how many lines pass between two words on the progress.
const importTold = 10_000

// send sends the lines and prints their results as they come.
func (i *importing) send(ctx context.Context, lines io.Reader) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watch := &idleWatch{from: lines, wait: i.r.timeout}
	watch.timer = time.AfterFunc(i.r.timeout, func() { stop(fmt.Errorf("no answer within %s (--timeout)", i.r.timeout)) })
	defer watch.timer.Stop()
	err := i.r.ImportStream(ctx, i.r.app, watch, func(result protocol.ImportResult) error {
		watch.renew()
		return i.count(result)
	})
	if failure := watch.failure(); err != nil && failure != nil {
		return usagef("FILE: %v", failure)
	}
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", err, cause)
	}
	return err
}

// count counts a result, and prints a line that was refused.
func (i *importing) count(result protocol.ImportResult) error {
	i.last = result.Line
	switch {
	case result.Problem != nil:
		i.refused++
		var refusal *client.Error
		errors.As(client.LineError(result), &refusal)
		for _, reason := range reasons(refusal) {
			fmt.Fprintf(i.r.w.stderr, "hush: line %d: %s\n", result.Line, clean(reason))
		}
	case result.Status == http.StatusCreated:
		i.fresh++
	default:
		i.known++
	}
	if i.lines()%importTold == 0 {
		fmt.Fprintf(i.r.w.stderr, "hush: %d lines so far, %d refused\n", i.lines(), i.refused)
	}
	if i.r.json {
		return json.NewEncoder(i.r.w.stdout).Encode(result)
	}
	return nil
}

func (i *importing) lines() int { return i.fresh + i.known + i.refused }

// sum says how the import ended.
func (i *importing) sum(err error) {
	if err != nil && i.lines() > 0 {
		fmt.Fprintf(i.r.w.stderr, "hush: the import ended early, after the result of line %d; to import the file again is safe\n", i.last)
	}
	if err == nil || i.lines() > 0 {
		i.r.say("%s: %s made, %d known, %d refused\n", push.Counted(i.lines(), "line"), push.Counted(i.fresh, "device"), i.known, i.refused)
	}
}

// reasons returns what is wrong, field by field.
func reasons(refusal *client.Error) []string {
	if len(refusal.Fields) == 0 {
		return []string{fmt.Sprintf("%s (%s)", first(refusal.Detail, http.StatusText(refusal.Status)), refusal.Code)}
	}
	var all []string
	for _, f := range refusal.Fields {
		all = append(all, faultLine(f.Location, f))
	}
	return all
}

// idleWatch is a body whose time runs only while the server has to do something: not while the next line is waited for.
type idleWatch struct {
	from  io.Reader
	wait  time.Duration
	timer *time.Timer

	mu      sync.Mutex
	reading bool  // guarded by mu: a line is waited for
	failed  error // guarded by mu: why the lines cannot be read
}

// Read reads on. At the end the time runs from the last line.
func (w *idleWatch) Read(b []byte) (int, error) {
	w.setReading(true)
	defer w.setReading(false)
	n, err := w.from.Read(b)
	if err != nil && err != io.EOF {
		w.mu.Lock()
		w.failed = err
		w.mu.Unlock()
	}
	return n, err
}

// failure returns why the lines cannot be read; nil if they can.
func (w *idleWatch) failure() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.failed
}

// renew gives the server its time anew.
func (w *idleWatch) renew() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.reading {
		w.timer.Reset(w.wait)
	}
}

func (w *idleWatch) setReading(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reading = on; on {
		w.timer.Stop()
	} else {
		w.timer.Reset(w.wait)
	}
}
