package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

// stopOn ends the command with the first signal, and then watches for impatience until ctx is done: Ctrl-C once more ends the
// process at once, because someone sits at the terminal and waits. Another SIGTERM changes nothing: supervisors send it
// again, and so does whoever signals a whole process group; the stop has its own limit (drainWait), and SIGKILL is there.
// Neither loses what was accepted: that is on disk, and the next start goes on with it.
func stopOn(ctx context.Context, signals <-chan os.Signal, stop func(), say io.Writer, exit func(code int)) {
	for stopping := false; ; stopping = true {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			switch {
			case !stopping:
				stop()
			case sig == os.Interrupt:
				fmt.Fprintln(say, "hush: Ctrl-C again: ended at once; what was accepted is kept")
				exit(exitInterrupted)
				return
			default:
				fmt.Fprintf(say, "hush: %s again: still stopping; Ctrl-C (SIGINT) ends at once\n", sig)
			}
		}
	}
}
