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
	Story   bool      // eight rows instead of all, one of which still waits at the end; not with JSON
	Color   bool      // Out is a terminal that knows colours
	Width   int       // columns of the terminal that Out is; 0 for another output, which gets lines of 80
	DataDir string    // the server's data directory, kept; "": a fresh one, removed at the end
	Listen  string    // the server's address; "": a free port on loopback
	Out     io.Writer // required
	Err     io.Writer // progress and what went wrong; required
}

// ErrUnexpected says that a row is not as it should be.
var ErrUnexpected = errors.New("demo: not every row is as expected")

// Run runs the demo. It returns nil if every row is as expected and, without Once, ctx has ended; all that it started has
// ended then, and its directories are gone.
func Run(ctx context.Context, o Options) error {
	if o.Story {
		return run(ctx, o, story())
	}
	return run(ctx, o, rows())
}

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
		return ended(context.Cause(ctx))
	}
	unexpected := 0
	for _, out := range outcomes {
		if !out.row.Expected {
			unexpected++
			say.complain(out)
		}
	}
	p := newPainter(o)
	if o.JSON {
		if err := writeJSON(o.Out, outcomes); err != nil {
			return err
		}
	} else {
		p.table(outcomes, o.Story)
		p.summary(outcomes, unexpected, time.Since(began))
		if !o.Story {
			p.timeline(example(outcomes))
		}
	}
	if unexpected > 0 {
		err = fmt.Errorf("%w: %d of %d", ErrUnexpected, unexpected, len(outcomes))
	}
	if o.Once {
		if !o.JSON && !o.Story {
			p.nextOnce(w.self)
		}
		return err
	}
	if o.JSON {
		p = painter{out: o.Err, width: columns} // standard output holds rows only
	}
	if tryErr := w.stay(ctx, p, outcomes); tryErr != nil {
		return errors.Join(err, tryErr)
	}
	<-ctx.Done()
	return err
}

// ended returns why the demo ended before its table was there.
func ended(cause error) error {
	if errors.Is(cause, context.Canceled) {
		return interrupted{}
	}
	return fmt.Errorf("demo: %w", cause)
}

// interrupted is context.Canceled or a signal, in words for people.
type interrupted struct{}

func (interrupted) Error() string {
	return "demo: interrupted; what it had started has ended"
}

func (interrupted) Is(target error) bool { return target == context.Canceled }

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
