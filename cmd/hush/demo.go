package main

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/cmd/hush/internal/demo"
)

func newDemo(w world) *cobra.Command {
	var (
		o     demo.Options
		color string
	)
	cmd := &cobra.Command{
		Use: "demo", Short: "See silent pushes reach phones in every state, on this machine", Args: noArgs,
		Long: `Start a server, simulators of APNs and FCM, an example app as real processes, and a phone for each state that an app can be
in. Send one push to each phone through the public API, and show which handler ran, or what kept it from running until the
app was opened. The demo needs only this program, and takes less than a minute.

Without --once the server then keeps running until Ctrl-C, and the demo prints its address, its keys and lines to paste into
another shell.

Exit status: 0 if every row is as expected, otherwise 1.`,
		Example: "  hush demo\n  hush demo --once --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch color {
			case "", "auto":
				o.Color = w.style().Colored
			case "always":
				o.Color = true
			}
			if o.Story && o.JSON {
				return usagef("--story is for people; leave it out with --json")
			}
			o.Width, _, _ = terminalSize(w.stdout)
			signal.Ignore(syscall.SIGPIPE) // it would end the process before the demo has removed what it made
			ctx, stop := context.WithCancelCause(cmd.Context())
			defer stop(nil)
			o.Out, o.Err = watched{w.stdout, stop}, w.stderr
			return demo.Run(ctx, o)
		},
	}
	fs := cmd.Flags()
	fs.BoolVar(&o.Once, "once", false, "end after the table and a timeline")
	fs.BoolVar(&o.JSON, "json", false, "print one JSON object a row instead of a table")
	fs.BoolVar(&o.Story, "story", false, "eight phones instead of all; one is left as it is, and its push waits")
	fs.StringVar(&o.DataDir, "data", "", "keep the server's state in this new or empty directory (default a fresh one, removed at the end)")
	fs.StringVar(&o.Listen, "listen", "", "the server's host:port (default a free port on loopback)")
	addChoice(cmd, &color, "color", "auto (on a terminal; default), always or never", "auto", "always", "never")
	return cmd
}

// watched is an output whose loss ends the work for it, as when head has read enough.
type watched struct {
	io.Writer
	stop context.CancelCauseFunc
}

func (w watched) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.stop(fmt.Errorf("standard output is gone: %w", err))
	}
	return n, err
}
