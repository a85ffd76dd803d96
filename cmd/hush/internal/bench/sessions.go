package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hushpush/hush/internal/pause"
)

// Sessions opens sessions that then do nothing, and says what the server's process needs for each.
func Sessions(ctx context.Context, o Options) (_ *Report, err error) {
	r, err := withServer(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	warm := o.warmUp()
	a, err := newApps(ctx, r, warm+o.Devices)
	if err != nil {
		return nil, err
	}
	// A fresh process has nothing in memory of how the devices came to be.
	if err := r.restart(ctx); err != nil {
		return nil, err
	}
	defer a.close()
	o.progress("warming up")
	if err := a.open(ctx, a.all[:warm]); err != nil {
		return nil, err
	}
	a.opened = newLatencies()
	o.progress("opening %d sessions, then idle for %s", o.Devices, o.Duration)
	var took time.Duration
	used, err := r.measure(ctx, func() error {
		begin := time.Now()
		if err := a.open(ctx, a.all[warm:]); err != nil {
			return err
		}
		took = time.Since(begin)
		return pause.For(ctx, o.Duration)
	})
	if err != nil {
		return nil, err
	}
	report := &Report{
		Bench: "sessions", Unit: "session", Database: o.database(), Load: fmt.Sprintf("%d sessions, idle for %s", o.Devices, o.Duration),
		Latencies: []Latency{a.opened.summary("connect to hello")},
	}
	report.counted(o.Devices, o.Devices, o.Devices-a.ended(warm), took)
	report.used(used)
	if m := report.Memory; m != nil {
		m.PerUnit = per(float64(m.AfterBytes-m.BeforeBytes), float64(o.Devices))
	}
	return report, nil
}

// ended counts the sessions, from one on, that are closed.
func (a *apps) ended(from int) (n int) {
	for _, app := range a.all[from:] {
		n += len(app.lost)
	}
	return n
}
