package bench

import (
	"context"
	"time"

	"github.com/hushpush/hush/internal/pause"
)

// usage is what a process has used.
type usage struct {
	cpu            time.Duration // user and system
	resident, peak int64         // bytes
}

const (
	quietLook = 200 * time.Millisecond
	quietWait = time.Minute
	quietCPU  = quietLook / 20 // a twentieth of a processor
	quietFor  = 2              // looks: one alone may be a process that is kept from running
)

// quiet waits until a process does next to nothing any more, so that what belongs to a load is counted to it: answers that
// are still to be committed, garbage. It gives up after a while.
func quiet(ctx context.Context, pid int) error {
	last, measured := usageOf(pid)
	still := 0
	for end := time.Now().Add(quietWait); measured && time.Now().Before(end); {
		if err := pause.For(ctx, quietLook); err != nil {
			return err
		}
		now, _ := usageOf(pid)
		if still++; now.cpu-last.cpu >= quietCPU {
			still = 0
		}
		if still == quietFor {
			return nil
		}
		last = now
	}
	return nil
}
