package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// Options are what hush demo is told.
type Options struct {
	Once    bool      // end after the table; else the server stays up until ctx is over
	JSON    bool      // one object a row on Out instead of tables; progress on Err
	Color   bool      // Out is a terminal that knows colours
	DataDir string    // the server's data directory, kept; "": a fresh one, removed at the end
	Listen  string    // the server's address; "": a free port on loopback
	Out     io.Writer // required
	Err     io.Writer // progress and what went wrong; required
}

// ErrUnexpected says that a row is not as it should be.
var ErrUnexpected = errors.New("demo: not every row is as expected")

// Run runs the demo. It returns nil if every row is as expected and, without Once, ctx has ended; all that it started has
// ended then, and its directories are gone.
func Run(ctx context.Context, o Options) error { return run(ctx, o, rows()) }

func run(ctx context.Context, o Options, specs []spec) (err error) {
	began := time.Now()
	say := &progress{out: o.Err}
	say.line("starting a server, APNs and FCM")
	w, err := newWorld(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()

	outcomes := w.play(ctx, specs, say)
	if ctx.Err() != nil {
		return fmt.Errorf("demo: %w", context.Cause(ctx))
	}
	unexpected := 0
	for _, out := range outcomes {
		if !out.row.Expected {
			unexpected++
			say.complain(out)
		}
	}
	p := painter{out: o.Out, color: o.Color}
	if o.JSON {
		if err := writeJSON(o.Out, outcomes); err != nil {
			return err
		}
	} else {
		p.table(outcomes)
		p.summary(len(outcomes), unexpected, time.Since(began))
		p.timeline(example(outcomes))
		p.next(w, o)
	}
	if unexpected > 0 {
		err = fmt.Errorf("%w: %d of %d", ErrUnexpected, unexpected, len(outcomes))
	}
	if !o.Once {
		to := p
		if o.JSON {
			to = painter{out: o.Err} // standard output holds rows only
		}
		to.staying(w)
		w.follow(to)
		<-ctx.Done()
	}
	return err
}

func writeJSON(out io.Writer, outcomes []outcome) error {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for _, o := range outcomes {
		if err := e.Encode(o.row); err != nil {
			return fmt.Errorf("demo: writing a row: %w", err)
		}
	}
	return nil
}
