package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
)

// endedBy is the signal that ended a command, as its context's cause. To those who only ask whether they were cancelled, they were.
type endedBy struct{ os.Signal }

func (e endedBy) Error() string { return "ended by " + signalName(e.Signal) }

// Is reports whether target is context.Canceled.
func (endedBy) Is(target error) bool { return target == context.Canceled }

// exitEnded returns the exit code of a command that failed because its context ended.
func exitEnded(cause error) int {
	var e endedBy
	if errors.As(cause, &e) && e.Signal == syscall.SIGTERM {
		return exitTerminated
	}
	return exitInterrupted
}

// signalName returns a signal by the name under which it is sent.
func signalName(sig os.Signal) string {
	switch sig {
	case os.Interrupt:
		return "Ctrl-C"
	case syscall.SIGTERM:
		return "SIGTERM"
	}
	return sig.String()
}

// stopOn ends the command with the first signal, and then watches for impatience until ctx is done: Ctrl-C once more ends the
// process at once, because someone sits at the terminal and waits. Another SIGTERM changes nothing: supervisors send it
// again, and so does whoever signals a whole process group; the stop has its own limit (drainWait), and SIGKILL is there.
// Neither loses what was accepted: that is on disk, and the next start goes on with it.
func stopOn(ctx context.Context, signals <-chan os.Signal, stop context.CancelCauseFunc, say io.Writer, exit func(code int)) {
	for stopping := false; ; stopping = true {
		select {
		case <-ctx.Done():
			return
		case sig := <-signals:
			switch {
			case !stopping:
				stop(endedBy{sig})
			case sig == os.Interrupt:
				fmt.Fprintln(say, "hush: Ctrl-C again: ended at once; what was accepted is kept")
				exit(exitInterrupted)
				return
			default:
				fmt.Fprintf(say, "hush: %s again: still stopping; Ctrl-C (SIGINT) ends at once\n", signalName(sig))
			}
		}
	}
}
